import { portOf, writeDownlinks } from '../../downlink.ts'
import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** Actility ThingPark (Wireless, Enterprise, X IoT Flow): numbers or texts of them, with or without the root. */
export default {
  id: 'thingpark',
  label: { fr: 'Actility ThingPark (LoRaWAN)', en: 'Actility ThingPark (LoRaWAN)' },
  open: openEnvelope({
    root: 'DevEUI_uplink',
    answers: [
      {
        at: 'DevEUI_downlink_Sent',
        command: ['DevEUI_downlink_Sent.CorrelationID'],
        outcome: 'transmitted',
        needs: { path: 'DevEUI_downlink_Sent.DeliveryStatus', values: [1, '1'] },
        detail: ['DevEUI_downlink_Sent.DeliveryFailedCause1', 'DevEUI_downlink_Sent.DeliveryFailedCause2'],
      },
      {
        at: 'DevEUI_downlink_Rejected',
        command: ['DevEUI_downlink_Rejected.CorrelationID'],
        outcome: 'refused',
        detail: ['DevEUI_downlink_Rejected.DownlinkRejectionCause'],
      },
    ],
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
  downlink: writeDownlinks({
    reply: [[/\/uplink$/, '/downlink']],
    takes: 'frame',
    hasPorts: true,
    tells: true,
    message: (command) => ({
      DevEUI_downlink: {
        Time: new Date().toISOString(),
        DevEUI: command.deviceId.toUpperCase(),
        FPort: portOf(command),
        payload_hex: Buffer.from(command.bytes).toString('hex'),
        Confirmed: command.confirmed ? '1' : '0',
        // 64 bits in hexadecimal; they come back with what became of it.
        CorrelationID: command.id.replaceAll('-', '').slice(0, 16).toUpperCase(),
      },
    }),
  }),
} satisfies UplinkFormat
