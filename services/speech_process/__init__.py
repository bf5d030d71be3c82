"""One process serves its models to others of the same user, over a Unix socket.

The server is `SpeechServer` around the `SharedEngines` of its process. Others use `RemoteEngines`
in place of `SharedEngines`: its recognisers and voices are each an `ASREngine` or a `TTSEngine`,
safe from any thread and event loop, and its end-of-turn model is asked with `judge_turn`:

    engines = on_demand.engines(EngineConfig(asr="base", voice="en_US-joe-medium"))
    asr = await engines.asr.get()
    heard = await asr.transcribe(samples, owner="room", priority=Priority.FINAL, deadline_seconds=5)
    voice = await engines.tts.get()
    async for piece in voice.synthesize("Hello.", owner="room"):
        ...
    engines.close()

`on_demand.engines` starts the server on its first use, for all processes of the user that ask for
the same configuration, and again if it is lost; it ends some seconds after its last user. With
`RemoteEngines(config, path)` somebody else starts it.
docs/speech-process.md describes the protocol.
"""

from .engines import RemoteEngines
from .server import SpeechServer
from .socket import SocketError
from .status import ServerStatus

__all__ = ["RemoteEngines", "ServerStatus", "SocketError", "SpeechServer"]
