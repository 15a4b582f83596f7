import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Orange Live Objects, data messages of LoRa devices and others, from a FIFO or an HTTP push. */
export default {
  id: 'live-objects',
  label: { fr: 'Orange Live Objects', en: 'Orange Live Objects' },
  open: openEnvelope({
    device: ['metadata.network.lora.devEUI', 'metadata.source', 'streamId'],
    devicePrefix: 'urn:lo:nsid:{kind}:{device}',
    time: ['timestamp'],
    frame: { paths: ['value.payload'], encoding: 'hex' },
    port: 'metadata.network.lora.port',
    counter: 'metadata.network.lora.fcnt',
    address: 'metadata.network.lora.devAddr',
    receptions: [{ rssi: 'metadata.network.lora.rssi', snr: 'metadata.network.lora.snr' }],
    object: ['value'],
  }),
} satisfies UplinkFormat
