/** Choice of microphone and speaker. */

import { useState } from 'preact/hooks';
import { canChooseSpeaker, type Devices, listDevices } from '../media/microphone';
import { usePage, useScope } from '../state/context';
import { words } from '../state/language';
import { prefer } from '../state/preferences';
import { Level } from './level';

export function DeviceChoice({ speaker, onHeard }: { speaker: boolean; onHeard?: () => void }) {
  const { call, state } = usePage();
  const [devices, setDevices] = useState<Devices>({ inputs: [], outputs: [] });
  useScope(
    'devices',
    (scope) => {
      const refresh = () => void listDevices().then((found) => !scope.closed && setDevices(found));
      refresh();
      if (navigator.mediaDevices) scope.listen(navigator.mediaDevices, 'devicechange', refresh);
    },
    [state.hasMicrophone.value],
  );
  const page = words();
  return (
    <div class="devices">
      <label>
        {page.microphone}
        <select
          value={state.microphoneId.value}
          onChange={(event) => {
            const id = event.currentTarget.value;
            prefer({ microphoneId: id });
            void call.openMicrophone(id);
          }}
        >
          {devices.inputs.length === 0 && <option value="">{page.noneFound}</option>}
          {devices.inputs.map((device) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || page.microphone}
            </option>
          ))}
        </select>
      </label>
      <Level
        label={page.loudness}
        read={() => call.callerMeter}
        {...(onHeard ? { onHeard } : {})}
      />
      {speaker && canChooseSpeaker && devices.outputs.length > 0 && (
        <label>
          {page.speaker}
          <select
            value={state.speakerId.value}
            onChange={(event) => {
              const id = event.currentTarget.value;
              prefer({ speakerId: id });
              void call.setSpeaker(id);
            }}
          >
            <option value="">{page.systemDefault}</option>
            {devices.outputs
              .filter((device) => device.deviceId !== 'default')
              .map((device) => (
                <option key={device.deviceId} value={device.deviceId}>
                  {device.label || page.speaker}
                </option>
              ))}
          </select>
        </label>
      )}
    </div>
  );
}
