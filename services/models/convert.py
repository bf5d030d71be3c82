"""Convert a Hugging Face Whisper checkpoint to CTranslate2, without PyTorch."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import LayerSpec, WhisperSpec
from safetensors import SafetensorError, safe_open

from .errors import ConversionError, ModelCorrupt, ModelError
from .structure import MULTILINGUAL_VOCABULARY, read_json
from .tokens import language_numbers, load_tokenizer, vocabulary_list

DECODER_POSITIONS = 448
"""faster-whisper may ask for so many tokens, whatever the checkpoint was trained for."""

QUANTIZATIONS = ("int8", "int8_float32", "int8_float16", "int16", "float16", "float32")

Array = npt.NDArray[Any]


def convert_whisper(source: Path, target: Path, *, quantization: str = "int8") -> None:
    """Write the CTranslate2 form of the checkpoint in `source` into the folder `target`.

    `source` needs `model.safetensors`, `config.json` and a tokenizer (`tokenizer.json`, or
    `vocab.json` with what goes with it); `generation_config.json` is used where it is there.
    Takes the checkpoint's size about twice in memory, and seconds. ConversionError where the
    checkpoint is not a Whisper that this understands; `target` is then unfinished.
    """
    if quantization not in QUANTIZATIONS:
        raise ConversionError(f"{quantization!r} is none of {', '.join(QUANTIZATIONS)}.")
    config = _settings(source / "config.json")
    generation_file = source / "generation_config.json"
    generation = _settings(generation_file) if generation_file.is_file() else {}
    tokenizer = load_tokenizer(source)
    tokens = vocabulary_list(tokenizer, _number(config, "vocab_size"))
    weights_file = source / "model.safetensors"
    try:
        with safe_open(weights_file, framework="numpy") as checkpoint:
            spec = _Checkpoint(checkpoint, config).spec()
    except (OSError, SafetensorError) as error:
        raise ConversionError(f"{weights_file} cannot be read: {error}") from error
    _set_config(spec.config, config, generation, tokens)
    spec.register_vocabulary(tokens)
    try:
        spec.validate()
    except ValueError as error:
        raise ConversionError(f"{source} is not a whole Whisper: {error}") from error
    spec.optimize(quantization=quantization)
    target.mkdir(parents=True, exist_ok=True)
    spec.save(str(target))
    _save_tokenizer(source, target, tokenizer)
    _save_features(target, config)


class _Checkpoint:
    """The weights of one checkpoint, by the names that Hugging Face gives them."""

    def __init__(self, checkpoint: Any, config: dict[str, Any]) -> None:
        self._checkpoint = checkpoint
        self._names = set(checkpoint.keys())
        self._config = config

    def spec(self) -> WhisperSpec:
        config = self._config
        if config.get("activation_function", "gelu") != "gelu" or config.get("scale_embedding"):
            raise ConversionError("The checkpoint is no Whisper: GELU and unscaled embeddings.")
        spec = WhisperSpec(
            _number(config, "encoder_layers"),
            _number(config, "encoder_attention_heads"),
            _number(config, "decoder_layers"),
            _number(config, "decoder_attention_heads"),
        )
        self._encoder(spec.encoder)
        self._decoder(spec.decoder)
        return spec

    def _encoder(self, spec: LayerSpec) -> None:
        scope = "model.encoder"
        self._linear(spec.conv1, f"{scope}.conv1")
        self._linear(spec.conv2, f"{scope}.conv2")
        spec.position_encodings.encodings = self._get(f"{scope}.embed_positions.weight")
        self._norm(spec.layer_norm, f"{scope}.layer_norm")
        for number, layer in enumerate(spec.layer):
            self._layer(layer, f"{scope}.layers.{number}")

    def _decoder(self, spec: LayerSpec) -> None:
        scope = "model.decoder"
        embeddings = self._get(f"{scope}.embed_tokens.weight")
        spec.embeddings.weight = embeddings
        # A projection stored of its own counts, even where the configuration calls it tied:
        # FUTO tuned the embeddings towards the hidden states of the untouched projection.
        own = "proj_out.weight"
        spec.projection.weight = self._get(own) if own in self._names else embeddings
        positions = self._get(f"{scope}.embed_positions.weight")
        # Beyond the trained positions the last repeats: a runaway ends instead of raising.
        missing = max(0, DECODER_POSITIONS - len(positions))
        spec.position_encodings.encodings = np.pad(positions, ((0, missing), (0, 0)), mode="edge")
        self._norm(spec.layer_norm, f"{scope}.layer_norm")
        for number, layer in enumerate(spec.layer):
            name = f"{scope}.layers.{number}"
            self._layer(layer, name)
            cross = f"{name}.encoder_attn"
            self._fused(layer.attention.linear[0], cross, ("q_proj",))
            self._fused(layer.attention.linear[1], cross, ("k_proj", "v_proj"))
            self._linear(layer.attention.linear[2], f"{cross}.out_proj")
            self._norm(layer.attention.layer_norm, f"{name}.encoder_attn_layer_norm")

    def _layer(self, spec: LayerSpec, name: str) -> None:
        """What encoder and decoder layers share: self-attention and the feed-forward network."""
        attention = spec.self_attention
        self._fused(attention.linear[0], f"{name}.self_attn", ("q_proj", "k_proj", "v_proj"))
        self._linear(attention.linear[1], f"{name}.self_attn.out_proj")
        self._norm(attention.layer_norm, f"{name}.self_attn_layer_norm")
        self._linear(spec.ffn.linear_0, f"{name}.fc1")
        self._linear(spec.ffn.linear_1, f"{name}.fc2")
        self._norm(spec.ffn.layer_norm, f"{name}.final_layer_norm")

    def _fused(self, spec: LayerSpec, scope: str, parts: tuple[str, ...]) -> None:
        """Several projections as one; the keys have no bias, which counts as zero."""
        weights = [self._get(f"{scope}.{part}.weight") for part in parts]
        biases = []
        for part, weight in zip(parts, weights, strict=True):
            name = f"{scope}.{part}.bias"
            zero = np.zeros(len(weight), dtype=np.float32)
            biases.append(self._get(name) if name in self._names else zero)
        spec.weight = np.concatenate(weights)
        spec.bias = np.concatenate(biases)

    def _linear(self, spec: LayerSpec, name: str) -> None:
        spec.weight = self._get(f"{name}.weight")
        spec.bias = self._get(f"{name}.bias")

    def _norm(self, spec: LayerSpec, name: str) -> None:
        spec.gamma = self._get(f"{name}.weight")
        spec.beta = self._get(f"{name}.bias")

    def _get(self, name: str) -> Array:
        if name not in self._names:
            raise ConversionError(f"The checkpoint is no whole Whisper: it has no {name}.")
        try:
            array: Array = self._checkpoint.get_tensor(name)
        except TypeError as error:
            raise ConversionError(f"{name} has a number format that is not read here.") from error
        if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
            raise ConversionError(f"{name} is stored as {array.dtype}, not as floating point.")
        return array.astype(np.float32, copy=False)


def _set_config(
    target: Any, config: dict[str, Any], generation: dict[str, Any], tokens: list[str]
) -> None:
    target.suppress_ids = _either(generation, config, "suppress_tokens")
    target.suppress_ids_begin = _either(generation, config, "begin_suppress_tokens")
    languages = generation.get("lang_to_id")
    if isinstance(languages, dict):
        target.lang_ids = sorted(languages.values())
    else:
        multilingual = len(tokens) >= MULTILINGUAL_VOCABULARY
        target.lang_ids = language_numbers(tokens) if multilingual else []
    layers, heads = _number(config, "decoder_layers"), _number(config, "decoder_attention_heads")
    upper_half = [[layer, head] for layer in range(layers // 2, layers) for head in range(heads)]
    target.alignment_heads = generation.get("alignment_heads") or upper_half


def _save_tokenizer(source: Path, target: Path, tokenizer: Any) -> None:
    ready = source / "tokenizer.json"
    if ready.is_file():
        shutil.copyfile(ready, target / "tokenizer.json")
    else:
        tokenizer.save(str(target / "tokenizer.json"))


def _save_features(target: Path, config: dict[str, Any]) -> None:
    """How audio becomes the network's input: Whisper's, with this model's own window."""
    content = {
        "feature_size": _number(config, "num_mel_bins"),
        "sampling_rate": 16000,
        "hop_length": 160,
        "chunk_length": _number(config, "max_source_positions") // 50,
        "n_fft": 400,
    }
    (target / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")


def _settings(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (ModelCorrupt, OSError) as error:
        raise ConversionError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConversionError(f"{path} is not a JSON object.")
    return content


def _number(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    if type(value) is not int or value <= 0:
        raise ConversionError(
            f"The checkpoint's config.json has no usable {key} (it is {value!r})."
        )
    return value


def _either(generation: dict[str, Any], config: dict[str, Any], key: str) -> list[int]:
    found = generation.get(key) or config.get(key) or []
    return [int(number) for number in found]


def main() -> int:
    """`python -m services.models.convert CHECKPOINT TARGET [--quantization int8]`."""
    parser = argparse.ArgumentParser(prog="python -m services.models.convert", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="folder with model.safetensors, config.json")
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="int8")
    chosen = parser.parse_args()
    try:
        convert_whisper(chosen.checkpoint, chosen.target, quantization=chosen.quantization)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
