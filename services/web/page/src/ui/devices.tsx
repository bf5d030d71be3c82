/** Choice of microphone and speaker. */

import { useState } from 'preact/hooks';

import { usePage, useScope } from '../state/context';
import { canChooseSpeaker, listDevices, type Devices } from '../media/microphone';
import { useStore } from '../state/store';
import { Level } from './level';

export function DeviceChoice({ speaker, onHeard }: { speaker: boolean; onHeard?: () => void }) {
  const { call, callStore, preferences } = usePage();
  const hasMicrophone = useStore(callStore, (state) => state.hasMicrophone);
  const microphoneId = useStore(callStore, (state) => state.microphoneId);
  const speakerId = useStore(callStore, (state) => state.speakerId);
  const [devices, setDevices] = useState<Devices>({ inputs: [], outputs: [] });
  useScope(
    'devices',
    (scope) => {
      const look = () => void listDevices().then((found) => !scope.closed && setDevices(found));
      look();
      if (navigator.mediaDevices) scope.listen(navigator.mediaDevices, 'devicechange', look);
    },
    [hasMicrophone],
  );
  return (
    <div class="devices">
      <label>
        Microphone
        <select
          value={microphoneId}
          onChange={(event) => {
            const id = event.currentTarget.value;
            preferences.set({ microphoneId: id });
            void call.openMicrophone(id);
          }}
        >
          {devices.inputs.length === 0 && <option value="">None found</option>}
          {devices.inputs.map((device) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || 'Microphone'}
            </option>
          ))}
        </select>
      </label>
      <Level
        label="Loudness of your microphone"
        read={() => call.callerMeter}
        {...(onHeard ? { onHeard } : {})}
      />
      {speaker && canChooseSpeaker && devices.outputs.length > 0 && (
        <label>
          Speaker
          <select
            value={speakerId}
            onChange={(event) => {
              const id = event.currentTarget.value;
              preferences.set({ speakerId: id });
              void call.setSpeaker(id);
            }}
          >
            <option value="">As the system</option>
            {devices.outputs
              .filter((device) => device.deviceId !== 'default')
              .map((device) => (
                <option key={device.deviceId} value={device.deviceId}>
                  {device.label || 'Speaker'}
                </option>
              ))}
          </select>
        </label>
      )}
    </div>
  );
}
