import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Sigfox, an HTTP callback of which the user writes the template: see README.md for the one to write. */
export default {
  id: 'sigfox',
  label: { fr: 'Sigfox', en: 'Sigfox' },
  open: openEnvelope({
    device: ['device', 'deviceId', 'id'],
    time: ['time'],
    frame: { paths: ['data', 'payload'], encoding: 'hex' },
    counter: 'seqNumber',
    receptions: [{ rssi: 'rssi', snr: 'snr', gateway: ['station'] }],
  }),
} satisfies UplinkFormat
