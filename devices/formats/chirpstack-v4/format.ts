import { portOf, toBase64, writeDownlinks } from '../../downlink.ts'
import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** ChirpStack v4, JSON encoding: `application/{application}/device/{devEui}/event/{event}`. */
export default {
  id: 'chirpstack-v4',
  label: { fr: 'ChirpStack v4 (LoRaWAN)', en: 'ChirpStack v4 (LoRaWAN)' },
  open: openEnvelope({
    topic: 'event/{event}',
    events: { up: 'frame', status: 'battery' },
    answers: [
      { event: 'txack', command: ['queueItemId'], outcome: 'transmitted' },
      // Sent when the device answered, and when it did not in time: then `acknowledged` is left out.
      {
        event: 'ack',
        command: ['queueItemId'],
        outcome: 'acknowledged',
        needs: { path: 'acknowledged', values: [true] },
      },
      { event: 'log', command: ['context.queue_item_id'], outcome: 'refused', detail: ['description', 'code'] },
    ],
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
  // An id that is in its queue already is not taken again.
  downlink: writeDownlinks({
    reply: [[/\/event\/[^/]+$/, '/command/down']],
    takes: 'frame',
    hasPorts: true,
    tells: true,
    message: (command) => ({
      id: command.id,
      devEui: command.deviceId,
      confirmed: command.confirmed,
      fPort: portOf(command),
      data: toBase64(command),
    }),
  }),
} satisfies UplinkFormat
