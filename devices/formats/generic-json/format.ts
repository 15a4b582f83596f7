import { fault } from '../../../domain/fault.ts'
import { isDeviceId } from '../../../domain/id.ts'
import { writeDownlinks } from '../../downlink.ts'
import type { UplinkFormat } from '../../model.ts'

const topicPattern = /(?:^|\/)([^/]+)\/up$/

/** An integration without an envelope: the topic `.../{deviceId}/up` names the device, the payload is the device's own. */
export default {
  id: 'generic-json',
  label: { fr: 'JSON de Parvis, un sujet par appareil', en: 'Parvis’s JSON, a topic for each device' },
  open(topic, payload) {
    const deviceId = topicPattern.exec(topic)?.[1]
    if (deviceId === undefined || !isDeviceId(deviceId))
      return { deviceId: null, payload: null, readings: [], faults: [fault('no_device', { path: '{deviceId}/up' })] }
    return { deviceId, payload, readings: [], faults: [] }
  },
  downlink: writeDownlinks({
    reply: [[/(^|\/)([^/]+)\/up$/, '$1$2/down']],
    takes: 'frame',
    // As if the device had a connection of its own.
    message: ({ bytes }) => bytes,
  }),
} satisfies UplinkFormat
