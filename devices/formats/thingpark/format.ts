import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Actility ThingPark (Wireless, Enterprise, X IoT Flow): numbers or texts of them, with or without the root. */
export default {
  id: 'thingpark',
  label: { fr: 'Actility ThingPark (LoRaWAN)', en: 'Actility ThingPark (LoRaWAN)' },
  open: openEnvelope({
    root: 'DevEUI_uplink',
    others: ['DevEUI_downlink_Sent', 'DevEUI_downlink_Rejected', 'DevEUI_location', 'DevEUI_notification'],
    device: ['DevEUI'],
    deviceTopic: '{device}/uplink',
    time: ['Time'],
    frame: { paths: ['payload_hex'], encoding: 'hex' },
    port: 'FPort',
    counter: 'FCntUp',
    address: 'DevAddr',
    receptions: [
      { list: 'Lrrs.Lrr', rssi: 'LrrRSSI', snr: 'LrrSNR', gateway: ['Lrrid'] },
      { rssi: 'LrrRSSI', snr: 'LrrSNR', gateway: ['Lrrid'] },
    ],
    battery: { path: 'BatteryLevel', time: 'BatteryTime', unit: 'DevStatusAns' },
    object: ['payload'],
    points: 'points',
    mayBeBare: true,
  }),
} satisfies UplinkFormat
