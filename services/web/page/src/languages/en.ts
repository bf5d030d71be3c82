/** English: what every other language is measured by, and what it falls back to. */

import { WaitReason } from '../protocol';
import { pack } from './pack';

export const ENGLISH = {
  // The frame
  title: 'Voice agent',
  language: 'Language',
  colours: (theme: string) => `Colours: ${theme}`,
  changeColours: (theme: string, next: string) => `Colours: ${theme}. Change to ${next}`,
  themeAuto: 'same as the system',
  themeLight: 'light',
  themeDark: 'dark',
  dismiss: 'Dismiss',
  notices: 'Notices',

  // Before the call
  talkWithAgent: 'Talk with the voice agent',
  talkWith: (name: string) => `Talk with ${name}`,
  lead: 'Join and speak; it listens, answers, and lets you interrupt.',
  /** The sentence around the name of the room. */
  invitedBefore: 'You are invited to the room “',
  invitedAfter: '”.',
  accessKey: 'Access key',
  join: 'Join',
  microphoneCheck: 'Microphone check',
  checkMicrophone: 'Check microphone',
  canBeHeard: 'You can be heard.',
  saySomething: 'Say something; the bar should move.',
  nameAndRoom: 'Name and room',
  yourName: 'Your name',
  nameOptional: 'optional',
  chosenAgent: 'Agent',
  anyAgent: 'Whoever answers',
  room: 'Room',
  roomOptional: 'optional; a new one is made otherwise',
  serverSilent: 'The server does not answer. Check that it runs; the page keeps trying.',
  noTokens: 'This server issues no tokens; open the link from your own sign-in page.',
  tokenWithoutRoom:
    'The token in this link names no room; open the link from your sign-in page again.',
  tokenUnused: 'The token in this link is not used: this server issues its own.',
  joinWhileBusy: 'All agents are busy at the moment. Join to wait for a free one.',
  joinWhileAbsent: 'No agent is ready yet. Join to wait for it.',

  // The call
  callWithAgent: 'Call with the voice agent',
  callWith: (name: string) => `Call with ${name}`,
  agent: 'Agent',
  you: 'You',
  guest: 'Guest',
  namedGuest: (name: string) => `${name} (guest)`,
  inThisCall: 'In this call',
  inThisCallYou: 'In this call: you',
  andTheAgent: ', the agent',
  guestSpeaks: '(guest)',
  guestListens: '(guest, listening only)',
  andMore: (count: number) => ` and ${count} more`,
  controls: 'Controls',
  mute: 'Mute',
  unmute: 'Unmute',
  stop: 'Stop',
  repeat: 'Repeat',
  captions: 'Captions',
  sound: 'Sound',
  leave: 'Leave',
  cancel: 'Cancel',
  rejoin: 'Rejoin',
  newConversation: 'New conversation',
  shortcuts: 'Space mutes and unmutes. Escape interrupts the agent.',

  // Its state
  visualiser: (state: string) => `Visualiser: ${state}`,
  youAreMutedAside: ' · you are muted',
  youAreMuted: 'You are muted.',
  agentIsHere: 'The agent is here.',
  notInCall: 'Not in a call',
  callEnded: 'The call has ended.',
  joining: 'Joining',
  waitingForServer: 'Waiting for the server',
  reconnecting: 'Reconnecting',
  waitingForAgent: 'Waiting for the agent',
  allBusy: 'All agents are busy',
  noneRuns: 'No agent is running',
  gettingBack: 'Getting the agent back',
  initializing: 'The agent is getting ready',
  listening: 'Listening',
  thinking: 'Thinking',
  speaking: 'Speaking',
  youLeft: 'You left the call.',
  joinedElsewhere: 'The call was joined from another window.',
  removed: 'You were removed from the call.',

  // The conversation
  conversation: 'Conversation',
  whatWasSaid: 'What was said',
  nothingSaid: 'What you and the agent say appears here.',
  invite: 'Invite',
  inviteTitle: 'Copy a link that invites others',
  timings: 'Timings',
  timingsTitle: 'Show how long answers take',
  copy: 'Copy',
  save: 'Save',
  linkCopied: 'Invitation link copied.',
  conversationCopied: 'Conversation copied.',
  conversationSaved: 'Conversation saved.',
  /** Part of the name of the saved file. */
  fileName: 'conversation',
  copyingForbidden: 'The browser did not allow copying; use the download instead.',
  typeToAgent: 'Type to the agent',
  typeInstead: 'Type instead of speaking',
  send: 'Send',
  typed: 'typed',
  interrupted: 'interrupted',

  // Waiting times
  whereTimeWent: 'Where the time went',
  preparedWhileSpeaking: 'prepared while you spoke',
  partEndOfSpeech: 'End of speech',
  partTranscript: 'Transcript',
  partFirstWord: 'First word',
  partFirstSound: 'First sound',
  lastAnswer: (last: string, median: string) => `Last answer after ${last}, median ${median}`,
  noAnswerYet: 'How long each answer took appears here.',
  waitingTimes: (turns: number, longest: string) =>
    `Waiting times of the last ${turns} turns, up to ${longest}`,

  waited: (seconds: string, why: string) => `Waited ${seconds} after your last word: ${why}`,
  waitReasons: {
    [WaitReason.complete]: 'you sounded done.',
    [WaitReason.unsure]: 'you might have gone on.',
    [WaitReason.dictating]: 'you seemed to be dictating, and more might have come.',
    [WaitReason.thinking]: 'you seemed to be thinking.',
    [WaitReason.nothingHeard]: 'no words had been made out yet.',
  },
  /** Beside the seconds; empty where the wait needs no excuse. */
  waitReasonsInShort: {
    [WaitReason.complete]: '',
    [WaitReason.unsure]: 'unsure whether you were done',
    [WaitReason.dictating]: 'you were dictating',
    [WaitReason.thinking]: 'you were thinking',
    [WaitReason.nothingHeard]: 'no words yet',
  },

  // Microphone and speaker
  microphone: 'Microphone',
  speaker: 'Speaker',
  noneFound: 'None found',
  systemDefault: 'System default',
  loudness: 'Loudness of your microphone',
  chooseMicrophone: 'Choose a microphone',
  useAnother: 'Use another',
  turnOnSound: 'Turn on sound',
  insecureOrigin:
    'This page was loaded over plain http, and browsers allow the microphone only on https or localhost. ' +
    'You can join and type; to speak, open the page at its https address or on the server itself.',
  soundBlocked: 'Your browser is blocking sound until you allow it.',
  microphoneSilent:
    'No sound is coming from your microphone. Is it switched off, or should you use another one?',
  microphoneUnplugged:
    'Your microphone was disconnected; it may have been unplugged. You can type meanwhile.',
  microphoneUnheard:
    'Your microphone is open, but its sound does not reach the room. You can type meanwhile.',
  microphoneBlocked:
    'The microphone is blocked for this page. Allow it in the address bar, then try again; ' +
    'you can type meanwhile.',
  microphoneMissing:
    'No microphone was found. Connect one, then try again; you can type meanwhile.',
  microphoneInUse:
    'The microphone is in use by another program or does not start. Close that program, then try ' +
    'again; you can type meanwhile.',
  microphoneFailed: 'The microphone could not be opened. Try again, or type meanwhile.',
  speakerFailed: 'This speaker cannot be used; the last one stays. Choose another.',

  // What went wrong
  tryNow: 'Try now',
  tryAgain: 'Try again',
  connectionLost: 'The connection was lost. Reconnecting; you do not need to do anything.',
  joiningAgain: 'The connection was lost. Joining again; you do not need to do anything.',
  agentsBusy: 'All agents are busy. Retrying until one is free; you do not need to do anything.',
  agentsBusyOrAbsent: 'All agents are busy, or none is running. Retrying until one is free.',
  agentAbsent: 'No agent is running right now. Retrying until one starts.',
  agentLost:
    'The agent stopped answering. Another one is on its way; you do not need to do anything.',
  takenOver: 'The agent stopped answering. Another one has taken over.',
  tokenRefused:
    'The media server did not accept your token: it has expired, or the owner should check the API ' +
    'key and the clocks. Join again from the page that brought you here.',
  serverUnreachable: 'The server does not answer. Trying again until it does.',
  mediaServerIsLocal: (url: string) =>
    `The media server is announced as ${url}, which from here is your own machine. ` +
    'The owner has to set LIVEKIT_PUBLIC_URL to an address that you can reach.',
  mediaServerUnreachable: (url: string) =>
    `The media server at ${url || 'its address'} cannot be reached. Trying again.`,
  nobodyReads: 'Nobody is here to read this yet. Send it again once the agent joins.',
  notSent: 'Your message was not sent. Send it again once the connection is back.',
  notStopped: 'The agent could not be stopped. Interrupt it, or try again.',
  notRepeated: 'The agent cannot repeat that. Ask it to, or try again.',
  demo:
    'This agent runs on demo models: it understands a few simple requests and sounds plain. ' +
    'Its owner gets real ones with: python -m agent download-files',
  /** By the code of the server's refusal; where a code is missing, the server's English stands. */
  refusals: {} as Readonly<Record<string, string>>,

  // Open resources, for developers
  openResources: 'Open resources',
  openCount: 'open',
  heap: 'heap',
  kind: 'Kind',
  what: 'What',
  owner: 'Owner',
  age: 'Age',
};

export default pack('English', ENGLISH);
