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
} satisfies UplinkFormat
