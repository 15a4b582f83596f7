import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** ChirpStack v4, JSON encoding: `application/{application}/device/{devEui}/event/{event}`. */
export default {
  id: 'chirpstack-v4',
  label: { fr: 'ChirpStack v4 (LoRaWAN)', en: 'ChirpStack v4 (LoRaWAN)' },
  open: openEnvelope({
    topic: 'event/{event}',
    events: { up: 'frame', status: 'battery' },
    // Of the events only an uplink has been heard by gateways.
    needs: ['rxInfo'],
    device: ['deviceInfo.devEui'],
    time: ['time'],
    frame: { paths: ['data'], encoding: 'base64' },
    port: 'fPort',
    counter: 'fCnt',
    address: 'devAddr',
    receptions: [{ list: 'rxInfo', rssi: 'rssi', snr: 'snr', gateway: ['gatewayId'] }],
    battery: { path: 'batteryLevel' },
    object: ['object'],
    omitsZero: true,
  }),
} satisfies UplinkFormat
