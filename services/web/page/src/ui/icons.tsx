/** Line icons; decoration beside a name, so hidden from screen readers. */

const PATHS = {
  mic: 'M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3',
  muted:
    'M15 10V6a3 3 0 0 0-5.8-1M9 9v3a3 3 0 0 0 4.7 2.4M5.5 11.5a6.5 6.5 0 0 0 10.3 5.2M18.4 12.6a6 6 0 0 0 .1-1.1M12 18v3M4 4l16 16',
  stop: 'M6.5 6.5h11v11h-11z',
  repeat: 'M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 4v4h4',
  captions: 'M3.5 6.5h17v11h-17zM7 11h4M13.5 11H17M7 14h2.5M12 14h5',
  sound: 'M4 9.5h3.5L12 6v12l-4.5-3.5H4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11',
  settings: 'M4 7.500h9M17 7.500h3M4 16.500h3M11 16.500h9M15 5v5M9 14v5',
  leave:
    'M3.6 14.800c0-1.3.5-2.4 1.5-3a13.2 13.2 0 0 1 13.8 0c1 .6 1.5 1.7 1.5 3v1.200c0 .5-.5.8-1 .7l-3.2-.7c-.4-.1-.7-.5-.7-.9v-1.700a11 11 0 0 0-7 0v1.700c0 .4-.3.8-.7.9l-3.2.7c-.5.1-1-.2-1-.7z',
  send: 'M5 12h13M12.5 6.5 18 12l-5.5 5.5',
  copy: 'M9 9h10.500v10.500H9zM5.5 15H4.500V4.500H15v1',
  save: 'M12 4v11M7.5 10.5 12 15l4.5-4.500M5 19.500h14',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.700l1-1',
  light:
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.500v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M18.7 5.300l-1.4 1.400M6.7 17.300l-1.4 1.4',
  dark: 'M19.5 14.500A8 8 0 0 1 9.5 4.500a8 8 0 1 0 10 10Z',
  auto: 'M12 4a8 8 0 1 0 0 16ZM12 4a8 8 0 0 1 0 16',
  times: 'M5 19.500v-6M10 19.500v-10M15 19.500V6M20 19.500v-8',
  close: 'M6.5 6.500l11 11M17.5 6.500l-11 11',
  phone:
    'M6.6 4h2.700l1.4 4-1.9 1.400a11 11 0 0 0 5.8 5.800l1.4-1.9 4 1.400v2.700a2 2 0 0 1-2.2 2A15.5 15.5 0 0 1 4.6 6.2 2 2 0 0 1 6.6 4Z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
