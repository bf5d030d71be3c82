/** Text that comes over the room: transcripts, typed words, times of a turn, notices. */

import type { Room, TextStreamReader } from 'livekit-client';

import { decode } from '../lib/decode';
import type { Participants, Who } from './participants';
import {
  LONGEST_MESSAGE_BYTES,
  StreamAttribute,
  Topic,
  readNotice,
  readTurn,
  type Notice,
  type Turn,
} from '../protocol';
import type { SegmentUpdate, Side } from './transcript';

const LONGEST_TEXT = 20_000;

export interface StreamEvents {
  segment(update: SegmentUpdate): void;
  typed(message: { id: string; side: Side; name: string; text: string }): void;
  turn(turn: Turn): void;
  notice(notice: Notice): void;
}

type Read = (reader: TextStreamReader, who: Who, identity: string) => Promise<void>;

/** Listen to the room's text streams; the room drops the handlers with itself. */
export function readStreams(room: Room, participants: Participants, events: StreamEvents): void {
  const handle = (topic: Topic, read: Read) =>
    room.registerTextStreamHandler(topic, (reader, { identity }) => {
      const reading = async () => {
        const who = await participants.whenKnown(identity);
        if (who) await read(reader, who, identity);
        else console.warn(`stream ${topic} of nobody who is known here`);
      };
      reading().catch((error: unknown) => console.warn(`stream ${topic}`, error));
    });
  const handleOfAgent = (topic: Topic, take: (json: string) => void) =>
    handle(topic, async (reader, who) => {
      if (who.side === 'agent') take(await reader.readAll());
      else console.warn(`stream ${topic} of somebody who is no agent`);
    });
  handle(Topic.transcription, (reader, who, identity) =>
    readSegment(reader, who, identity, events),
  );
  handle(Topic.chat, async (reader, who, identity) => {
    const text = (await reader.readAll()).slice(0, LONGEST_TEXT);
    events.typed({ id: `${identity}/${reader.info.id}`, ...who, text });
  });
  handleOfAgent(Topic.turn, (json) => {
    const turn = decode(json, readTurn, LONGEST_MESSAGE_BYTES);
    if (turn) events.turn(turn);
  });
  handleOfAgent(Topic.notice, (json) => {
    const notice = decode(json, readNotice, LONGEST_MESSAGE_BYTES);
    if (notice) events.notice(notice);
  });
}

/** A caller's segment comes as one stream per correction, the agent's as one that grows. */
async function readSegment(
  reader: TextStreamReader,
  who: Who,
  identity: string,
  events: StreamEvents,
): Promise<void> {
  const segment = reader.info.attributes?.[StreamAttribute.segment] ?? reader.info.id;
  // Each sender has segments of their own: a guest could replace another's words otherwise.
  const id = `${identity}/${segment}`;
  const grows = who.side === 'agent';
  let text = '';
  try {
    for await (const chunk of reader) {
      text = (text + chunk).slice(0, LONGEST_TEXT);
      if (grows) events.segment({ id, ...who, text, final: false });
    }
  } catch {
    events.segment({ id, ...who, text, final: true, cut: true });
    return;
  }
  const final = grows || reader.info.attributes?.[StreamAttribute.final] !== 'false';
  events.segment({ id, ...who, text, final });
}
