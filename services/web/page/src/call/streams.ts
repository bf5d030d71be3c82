/** Text streams of the room: transcripts, typed words, turn timings, notices. */

import type { Room, TextStreamReader } from 'livekit-client';

import { decode } from '../lib/decode';
import {
  LONGEST_MESSAGE_BYTES,
  type Notice,
  readNotice,
  readTurn,
  StreamAttribute,
  Topic,
  type Turn,
} from '../protocol';
import type { Participants, Sender } from './participants';
import type { SegmentUpdate, TypedMessage } from './transcript';

const LONGEST_TEXT = 20_000;

export interface StreamEvents {
  segment(update: SegmentUpdate): void;
  typed(message: TypedMessage): void;
  turn(turn: Turn): void;
  notice(notice: Notice): void;
}

type Read = (reader: TextStreamReader, sender: Sender, identity: string) => Promise<void>;

/** Listen to the room's text streams for as long as the room lives. */
export function readStreams(room: Room, participants: Participants, events: StreamEvents): void {
  const handle = (topic: Topic, read: Read) =>
    room.registerTextStreamHandler(topic, (reader, { identity }) => {
      const reading = async () => {
        const sender = await participants.awaitSender(identity);
        if (sender) await read(reader, sender, identity);
        else console.warn(`stream ${topic} from an unknown participant`);
      };
      reading().catch((error: unknown) => console.warn(`stream ${topic}`, error));
    });
  const handleFromAgent = (topic: Topic, take: (json: string) => void) =>
    handle(topic, async (reader, sender) => {
      if (sender.side === 'agent') take(await reader.readAll());
      else console.warn(`stream ${topic} from a participant that is not an agent`);
    });
  handle(Topic.transcription, (reader, sender, identity) =>
    readSegment(reader, sender, identity, events),
  );
  handle(Topic.chat, async (reader, sender, identity) => {
    const text = (await reader.readAll()).slice(0, LONGEST_TEXT);
    events.typed({ id: `${identity}/${reader.info.id}`, ...sender, text });
  });
  handleFromAgent(Topic.turn, (json) => {
    const turn = decode(json, readTurn, LONGEST_MESSAGE_BYTES);
    if (turn) events.turn(turn);
  });
  handleFromAgent(Topic.notice, (json) => {
    const notice = decode(json, readNotice, LONGEST_MESSAGE_BYTES);
    if (notice) events.notice(notice);
  });
}

/** A caller's segment is one stream per correction, the agent's is one stream that grows. */
async function readSegment(
  reader: TextStreamReader,
  sender: Sender,
  identity: string,
  events: StreamEvents,
): Promise<void> {
  const segment = reader.info.attributes?.[StreamAttribute.segment] ?? reader.info.id;
  // Segments belong to their sender; otherwise a guest could replace another's words.
  const id = `${identity}/${segment}`;
  const language = reader.info.attributes?.[StreamAttribute.language] ?? sender.language ?? '';
  const from = { ...sender, language };
  const grows = sender.side === 'agent';
  let text = '';
  try {
    for await (const chunk of reader) {
      text = (text + chunk).slice(0, LONGEST_TEXT);
      if (grows) events.segment({ id, ...from, text, final: false });
    }
  } catch {
    events.segment({ id, ...from, text, final: true, cut: true });
    return;
  }
  const final = grows || reader.info.attributes?.[StreamAttribute.final] !== 'false';
  const aside = !grows && reader.info.attributes?.[StreamAttribute.backchannel] === 'true';
  events.segment({ id, ...from, text, final, aside });
}
