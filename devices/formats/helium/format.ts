import { portOf, toBase64, writeDownlinks } from '../../downlink.ts'
import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Helium's legacy console, HTTP or MQTT: `helium/{device_id}/rx`. Its successor speaks ChirpStack v4. */
export default {
  id: 'helium',
  label: { fr: 'Helium, ancienne console (LoRaWAN)', en: 'Helium, legacy console (LoRaWAN)' },
  open: openEnvelope({
    device: ['dev_eui'],
    time: ['reported_at'],
    frame: { paths: ['payload'], encoding: 'base64' },
    port: 'port',
    counter: 'fcnt',
    address: 'devaddr',
    receptions: [{ list: 'hotspots', rssi: 'rssi', snr: 'snr', gateway: ['name'] }],
    object: ['decoded.payload'],
  }),
  downlink: writeDownlinks({
    reply: [[/\/rx$/, '/tx']],
    takes: 'frame',
    hasPorts: true,
    message: (command) => ({ payload_raw: toBase64(command), port: portOf(command), confirmed: command.confirmed }),
  }),
} satisfies UplinkFormat
