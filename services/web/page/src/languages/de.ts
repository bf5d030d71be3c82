/** German. */

import { WaitReason } from '../protocol';
import { pack } from './pack';

export default pack('Deutsch', {
  title: 'Sprachassistent',
  language: 'Sprache',
  colours: (theme) => `Farben: ${theme}`,
  changeColours: (theme, next) => `Farben: ${theme}. Wechseln zu: ${next}`,
  themeAuto: 'wie das System',
  themeLight: 'hell',
  themeDark: 'dunkel',
  dismiss: 'Ausblenden',
  notices: 'Hinweise',

  talkWithAgent: 'Mit dem Sprachassistenten sprechen',
  talkWith: (name) => `Mit ${name} sprechen`,
  lead: 'Treten Sie bei und sprechen Sie; er hört zu, antwortet und lässt sich unterbrechen.',
  invitedBefore: 'Sie sind in den Raum „',
  invitedAfter: '“ eingeladen.',
  accessKey: 'Zugangsschlüssel',
  join: 'Beitreten',
  microphoneCheck: 'Mikrofonprobe',
  checkMicrophone: 'Mikrofon prüfen',
  canBeHeard: 'Man kann Sie hören.',
  saySomething: 'Sagen Sie etwas; der Balken sollte sich bewegen.',
  nameAndRoom: 'Name und Raum',
  yourName: 'Ihr Name',
  nameOptional: 'freiwillig',
  chosenAgent: 'Agent',
  anyAgent: 'Wer gerade abnimmt',
  room: 'Raum',
  roomOptional: 'freiwillig; sonst wird ein neuer angelegt',
  serverSilent:
    'Der Server antwortet nicht. Prüfen Sie, ob er läuft; die Seite versucht es weiter.',
  noTokens:
    'Dieser Server stellt keine Tokens aus; öffnen Sie den Link von Ihrer eigenen Anmeldeseite.',
  tokenWithoutRoom:
    'Das Token in diesem Link nennt keinen Raum; öffnen Sie den Link von Ihrer Anmeldeseite noch einmal.',
  tokenUnused: 'Das Token in diesem Link wird nicht verwendet: Dieser Server stellt eigene aus.',
  joinWhileBusy:
    'Zurzeit sind alle Assistenten im Gespräch. Treten Sie bei, um auf einen freien zu warten.',
  joinWhileAbsent: 'Noch ist kein Assistent bereit. Treten Sie bei, um auf ihn zu warten.',

  callWithAgent: 'Gespräch mit dem Sprachassistenten',
  callWith: (name) => `Gespräch mit ${name}`,
  agent: 'Assistent',
  you: 'Sie',
  guest: 'Gast',
  namedGuest: (name) => `${name} (Gast)`,
  inThisCall: 'In diesem Gespräch',
  inThisCallYou: 'In diesem Gespräch: Sie',
  andTheAgent: ', der Assistent',
  guestSpeaks: '(Gast)',
  guestListens: '(Gast, hört nur zu)',
  andMore: (count) => ` und ${count} weitere`,
  controls: 'Bedienung',
  mute: 'Mikro aus',
  unmute: 'Mikro an',
  stop: 'Stopp',
  repeat: 'Nochmal',
  captions: 'Untertitel',
  sound: 'Ton',
  leave: 'Auflegen',
  cancel: 'Abbrechen',
  rejoin: 'Wieder beitreten',
  newConversation: 'Neues Gespräch',
  shortcuts:
    'Die Leertaste schaltet das Mikrofon stumm und wieder ein. Escape unterbricht den Assistenten.',

  visualiser: (state) => `Klangbild: ${state}`,
  youAreMutedAside: ' · Sie sind stumm',
  youAreMuted: 'Ihr Mikrofon ist stumm.',
  agentIsHere: 'Der Assistent ist da.',
  notInCall: 'Nicht im Gespräch',
  callEnded: 'Das Gespräch ist beendet.',
  joining: 'Verbinden',
  waitingForServer: 'Warten auf den Server',
  reconnecting: 'Verbindung wird wiederhergestellt',
  waitingForAgent: 'Warten auf den Assistenten',
  allBusy: 'Alle Assistenten sind im Gespräch',
  noneRuns: 'Kein Assistent läuft',
  gettingBack: 'Der Assistent wird zurückgeholt',
  initializing: 'Der Assistent macht sich bereit',
  listening: 'Hört zu',
  thinking: 'Denkt nach',
  speaking: 'Spricht',
  youLeft: 'Sie haben das Gespräch verlassen.',
  joinedElsewhere: 'Dem Gespräch wurde aus einem anderen Fenster beigetreten.',
  removed: 'Sie wurden aus dem Gespräch entfernt.',

  conversation: 'Gespräch',
  whatWasSaid: 'Was gesagt wurde',
  nothingSaid: 'Was Sie und der Assistent sagen, erscheint hier.',
  invite: 'Einladen',
  inviteTitle: 'Einen Link kopieren, der andere einlädt',
  timings: 'Zeiten',
  timingsTitle: 'Zeigen, wie lange Antworten dauern',
  copy: 'Kopieren',
  save: 'Speichern',
  linkCopied: 'Einladungslink kopiert.',
  conversationCopied: 'Gespräch kopiert.',
  conversationSaved: 'Gespräch gespeichert.',
  fileName: 'gespraech',
  copyingForbidden:
    'Der Browser hat das Kopieren nicht erlaubt; speichern Sie das Gespräch stattdessen.',
  typeToAgent: 'Dem Assistenten schreiben',
  typeInstead: 'Schreiben statt sprechen',
  send: 'Senden',
  typed: 'geschrieben',
  interrupted: 'unterbrochen',

  whereTimeWent: 'Wofür die Zeit gebraucht wurde',
  preparedWhileSpeaking: 'vorbereitet, während Sie sprachen',
  partEndOfSpeech: 'Ende der Rede',
  partTranscript: 'Transkript',
  partFirstWord: 'Erstes Wort',
  partFirstSound: 'Erster Ton',
  lastAnswer: (last, median) => `Letzte Antwort nach ${last}, Median ${median}`,
  noAnswerYet: 'Wie lange jede Antwort gedauert hat, erscheint hier.',
  waitingTimes: (turns, longest) => `Wartezeiten der letzten ${turns} Antworten, bis zu ${longest}`,

  waited: (seconds, why) => `${seconds} nach Ihrem letzten Wort gewartet: ${why}`,
  waitReasons: {
    [WaitReason.complete]: 'Sie klangen fertig.',
    [WaitReason.unsure]: 'Sie hätten weitersprechen können.',
    [WaitReason.dictating]: 'Sie schienen zu diktieren, es hätte mehr kommen können.',
    [WaitReason.thinking]: 'Sie schienen nachzudenken.',
    [WaitReason.nothingHeard]: 'es waren noch keine Wörter erkannt.',
  },
  waitReasonsInShort: {
    [WaitReason.complete]: '',
    [WaitReason.unsure]: 'unsicher, ob Sie fertig waren',
    [WaitReason.dictating]: 'Sie diktierten',
    [WaitReason.thinking]: 'Sie dachten nach',
    [WaitReason.nothingHeard]: 'noch keine Wörter',
  },

  microphone: 'Mikrofon',
  speaker: 'Lautsprecher',
  noneFound: 'Keines gefunden',
  systemDefault: 'Standard des Systems',
  loudness: 'Lautstärke Ihres Mikrofons',
  chooseMicrophone: 'Mikrofon auswählen',
  useAnother: 'Ein anderes verwenden',
  turnOnSound: 'Ton einschalten',
  insecureOrigin:
    'Diese Seite wurde über einfaches http geladen, und Browser erlauben das Mikrofon nur bei https oder localhost. ' +
    'Sie können beitreten und schreiben; um zu sprechen, öffnen Sie die Seite unter ihrer https-Adresse oder auf dem Server selbst.',
  soundBlocked: 'Ihr Browser blockiert den Ton, bis Sie ihn erlauben.',
  microphoneSilent:
    'Von Ihrem Mikrofon kommt kein Ton. Ist es ausgeschaltet, oder sollten Sie ein anderes verwenden?',
  microphoneUnplugged:
    'Die Verbindung zu Ihrem Mikrofon ist weg; vielleicht wurde es ausgesteckt. Sie können inzwischen schreiben.',
  microphoneUnheard:
    'Ihr Mikrofon ist offen, aber sein Ton kommt nicht im Raum an. Sie können inzwischen schreiben.',
  microphoneBlocked:
    'Das Mikrofon ist für diese Seite gesperrt. Erlauben Sie es in der Adressleiste und versuchen Sie es noch einmal; ' +
    'Sie können inzwischen schreiben.',
  microphoneMissing:
    'Es wurde kein Mikrofon gefunden. Schließen Sie eines an und versuchen Sie es noch einmal; Sie können inzwischen schreiben.',
  microphoneInUse:
    'Das Mikrofon wird von einem anderen Programm verwendet oder startet nicht. Schließen Sie dieses Programm und versuchen Sie es ' +
    'noch einmal; Sie können inzwischen schreiben.',
  microphoneFailed:
    'Das Mikrofon ließ sich nicht öffnen. Versuchen Sie es noch einmal, oder schreiben Sie inzwischen.',
  speakerFailed:
    'Dieser Lautsprecher lässt sich nicht verwenden; der letzte bleibt. Wählen Sie einen anderen.',

  tryNow: 'Jetzt versuchen',
  tryAgain: 'Noch einmal versuchen',
  connectionLost:
    'Die Verbindung ist abgerissen. Sie wird wiederhergestellt; Sie müssen nichts tun.',
  joiningAgain: 'Die Verbindung ist abgerissen. Die Seite tritt wieder bei; Sie müssen nichts tun.',
  agentsBusy:
    'Alle Assistenten sind im Gespräch. Die Seite versucht es, bis einer frei ist; Sie müssen nichts tun.',
  agentsBusyOrAbsent:
    'Alle Assistenten sind im Gespräch, oder keiner läuft. Die Seite versucht es, bis einer frei ist.',
  agentAbsent: 'Zurzeit läuft kein Assistent. Die Seite versucht es, bis einer startet.',
  agentLost:
    'Der Assistent antwortet nicht mehr. Ein anderer ist unterwegs; Sie müssen nichts tun.',
  takenOver: 'Der Assistent antwortet nicht mehr. Ein anderer hat übernommen.',
  tokenRefused:
    'Der Medienserver hat Ihr Token nicht angenommen: Es ist abgelaufen, oder der Betreiber sollte den API-Schlüssel ' +
    'und die Uhren prüfen. Treten Sie von der Seite aus, die Sie hierher geführt hat, noch einmal bei.',
  serverUnreachable: 'Der Server antwortet nicht. Die Seite versucht es, bis er antwortet.',
  mediaServerIsLocal: (url) =>
    `Der Medienserver ist als ${url} angegeben, und das ist von hier aus Ihr eigener Rechner. ` +
    'Der Betreiber muss LIVEKIT_PUBLIC_URL auf eine Adresse setzen, die Sie erreichen können.',
  mediaServerUnreachable: (url) =>
    `Der Medienserver ist ${url ? `unter ${url}` : 'unter seiner Adresse'} nicht erreichbar. Die Seite versucht es weiter.`,
  nobodyReads:
    'Noch ist niemand da, der das liest. Senden Sie es noch einmal, sobald der Assistent da ist.',
  notSent:
    'Ihre Nachricht wurde nicht gesendet. Senden Sie sie noch einmal, sobald die Verbindung wieder steht.',
  notStopped:
    'Der Assistent ließ sich nicht anhalten. Unterbrechen Sie ihn, oder versuchen Sie es noch einmal.',
  notRepeated:
    'Der Assistent kann das nicht wiederholen. Bitten Sie ihn darum, oder versuchen Sie es noch einmal.',
  demo:
    'Dieser Assistent läuft mit Demo-Modellen: Er versteht nur wenige einfache Bitten auf Englisch und klingt blechern. ' +
    'Sein Betreiber bekommt richtige mit: python -m agent download-files',
  refusals: {
    access_key:
      'Dieser Server verlangt einen Zugangsschlüssel; geben Sie den ein, den Sie vom Betreiber haben.',
    bad_agent: 'Diesen Agenten gibt es hier nicht; wählen Sie einen anderen.',
    bad_name: 'Dieser Name geht nicht; nehmen Sie einen kürzeren, ohne Steuerzeichen.',
    bad_room:
      'Der Name eines Raums darf Buchstaben, Ziffern, Leerzeichen, Punkte, Binde- und Unterstriche enthalten und höchstens 64 Zeichen lang sein.',
    bad_token: 'Ihr Zugang zu diesem Raum ist abgelaufen; legen Sie auf und treten Sie wieder bei.',
    foreign_host:
      'Dieser Server antwortet nicht unter diesem Namen. Der Betreiber kann die Adresse der Seite in WEB_ALLOWED_ORIGINS eintragen.',
    foreign_origin:
      'Das hat die Seite eines anderen Servers verlangt; nur die eigene Seite dieses Servers darf das. Der Betreiber kann eine Herkunft in WEB_ALLOWED_ORIGINS erlauben.',
    internal:
      'Der Server ist an dieser Anfrage gescheitert; der Grund steht in seinem Protokoll. Versuchen Sie es noch einmal.',
    livekit_unreachable: 'Der Medienserver antwortet nicht; die Seite versucht es weiter.',
    rate_limited: 'Zu viele Anfragen von Ihrer Adresse; versuchen Sie es gleich noch einmal.',
    tokens_off:
      'Dieser Server stellt keine Tokens aus; öffnen Sie den Link von Ihrer eigenen Anmeldeseite.',
    too_many_rooms:
      'Von Ihrer Adresse laufen schon genug Gespräche; beenden Sie eines und versuchen Sie es noch einmal.',
  },

  openResources: 'Offene Ressourcen',
  openCount: 'offen',
  heap: 'Heap',
  kind: 'Art',
  what: 'Was',
  owner: 'Besitzer',
  age: 'Alter',
});
