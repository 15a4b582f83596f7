import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Kerlink Wanesy Management Center: HTTP push `{url}/dataUp`, or MQTT with the same end. */
export default {
  id: 'kerlink',
  label: { fr: 'Kerlink Wanesy (LoRaWAN)', en: 'Kerlink Wanesy (LoRaWAN)' },
  open: openEnvelope({
    // What became of a downlink, under `dataDownEvent`.
    others: ['dataDownId', 'fCntDn'],
    device: ['endDevice.devEui'],
    time: ['recvTime'],
    frame: {
      paths: ['payload'],
      encoding: 'hex',
      encodingPath: 'encodingType',
      encodings: { HEXA: 'hex', BASE64: 'base64' },
    },
    port: 'fPort',
    counter: 'fCntUp',
    address: 'endDevice.devAddr',
    receptions: [{ list: 'gwInfo', rssi: 'rssi', snr: 'snr', gateway: ['gwEui'] }],
  }),
} satisfies UplinkFormat
