/** Text that the agent sends into the room: transcripts, typed words, times of a turn, notices. */

import type { Room, TextStreamReader } from 'livekit-client';

import { parseObject, parseTurn, type SegmentUpdate, type Side, type Turn } from './transcript';

const TRANSCRIPTION = 'lk.transcription';
const CHAT = 'lk.chat';
const TURN = 'agent.turn';
const NOTICE = 'agent.notice';
const FINAL = 'lk.transcription_final';
const SEGMENT = 'lk.segment_id';
const LONGEST_TEXT = 20_000;

export interface AgentNotice {
  kind: string;
  text: string;
}

export interface StreamEvents {
  segment(update: SegmentUpdate): void;
  typed(message: { id: string; side: Side; name: string; text: string }): void;
  turn(turn: Turn): void;
  notice(notice: AgentNotice): void;
}

/** Who an identity is to this page. */
export type WhoIs = (identity: string) => { side: Side; name: string };

/** Listen to the room's text streams; the room drops the handlers with itself. */
export function readStreams(room: Room, whoIs: WhoIs, events: StreamEvents): void {
  const handle = (topic: string, read: (reader: TextStreamReader, identity: string) => Promise<void>) =>
    room.registerTextStreamHandler(topic, (reader, { identity }) => {
      read(reader, identity).catch((error: unknown) => console.warn(`stream ${topic}`, error));
    });
  handle(TRANSCRIPTION, (reader, identity) => readSegment(reader, whoIs(identity), events));
  handle(CHAT, async (reader, identity) => {
    const text = (await reader.readAll()).slice(0, LONGEST_TEXT);
    events.typed({ id: reader.info.id, ...whoIs(identity), text });
  });
  handle(TURN, async (reader) => {
    const turn = parseTurn(await reader.readAll());
    if (turn) events.turn(turn);
  });
  handle(NOTICE, async (reader) => {
    const notice = parseObject(await reader.readAll());
    if (notice && typeof notice['text'] === 'string') {
      events.notice({ kind: String(notice['kind'] ?? 'notice'), text: notice['text'].slice(0, 500) });
    }
  });
}

/** A caller's segment comes as one stream per correction, the agent's as one that grows. */
async function readSegment(
  reader: TextStreamReader,
  who: { side: Side; name: string },
  events: StreamEvents,
): Promise<void> {
  const id = reader.info.attributes?.[SEGMENT] ?? reader.info.id;
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
  const final = grows || reader.info.attributes?.[FINAL] !== 'false';
  events.segment({ id, ...who, text, final });
}
