import { portOf, toBase64, writeDownlinks } from '../../downlink.ts'
import { openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/**
 * ChirpStack v3, encodings JSON (EUIs in base64) and JSON (v3) (EUIs in hexadecimal):
 * `application/{application}/device/{devEui}/event/{event}`, `.../rx` before 3.11.
 */
export default {
  id: 'chirpstack-v3',
  label: { fr: 'ChirpStack v3 (LoRaWAN)', en: 'ChirpStack v3 (LoRaWAN)' },
  open: openEnvelope({
    topic: 'event/{event}',
    events: { up: 'frame', status: 'battery' },
    // Of the events only an uplink has been heard by gateways and says that it may be adapted to them.
    needs: ['adr'],
    device: ['devEUI'],
    base64Ids: true,
    // The server's own clock, from 3.16 on; a gateway tells the time only where it has a GPS.
    time: ['publishedAt', 'rxInfo.0.time'],
    frame: { paths: ['data'], encoding: 'base64' },
    port: 'fPort',
    counter: 'fCnt',
    address: 'devAddr',
    receptions: [{ list: 'rxInfo', rssi: 'rssi', snr: 'loRaSNR', gateway: ['gatewayID'] }],
    battery: { path: 'batteryLevel', unless: ['batteryLevelUnavailable', 'externalPowerSource'] },
    object: ['object'],
    objectText: 'objectJSON',
  }),
  // Its answers name a frame counter that was not known when the command went, so none is read.
  downlink: writeDownlinks({
    reply: [
      [/\/event\/[^/]+$/, '/command/down'],
      [/\/rx$/, '/tx'],
    ],
    takes: 'frame',
    hasPorts: true,
    message: (command) => ({ confirmed: command.confirmed, fPort: portOf(command), data: toBase64(command) }),
  }),
} satisfies UplinkFormat
