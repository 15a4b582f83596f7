import { portOf, toBase64, writeDownlinks } from '../../downlink.ts'
import { commandMark, openEnvelope } from '../../envelope.ts'
import type { UplinkFormat } from '../../model.ts'

/** The Things Stack v3, MQTT or webhooks: `v3/{application}@{tenant}/devices/{device}/{event}`. */
export default {
  id: 'the-things-stack-v3',
  label: { fr: 'The Things Stack v3 (LoRaWAN)', en: 'The Things Stack v3 (LoRaWAN)' },
  open: openEnvelope({
    topic: 'devices/{id}/{event...}',
    events: { up: 'frame' },
    // By MQTT `down/ack`, by webhook without it.
    answers: [
      { at: 'downlink_ack', command: ['downlink_ack.correlation_ids', 'correlation_ids'], outcome: 'acknowledged' },
      { at: 'downlink_sent', command: ['downlink_sent.correlation_ids', 'correlation_ids'], outcome: 'transmitted' },
      { at: 'downlink_nack', command: ['downlink_nack.correlation_ids', 'correlation_ids'], outcome: 'refused' },
      {
        at: 'downlink_failed',
        command: ['downlink_failed.downlink.correlation_ids', 'correlation_ids'],
        outcome: 'refused',
        detail: ['downlink_failed.error.message_format', 'downlink_failed.error.name'],
      },
    ],
    others: [
      'join_accept',
      'downlink_ack',
      'downlink_nack',
      'downlink_sent',
      'downlink_failed',
      'downlink_queued',
      'downlink_queue_invalidated',
      'location_solved',
      'service_data',
      'uplink_normalized',
    ],
    device: ['end_device_ids.dev_eui', 'end_device_ids.device_id'],
    // The network server's reception comes before the application server's.
    time: ['uplink_message.received_at', 'received_at'],
    frame: { paths: ['uplink_message.frm_payload'], encoding: 'base64' },
    port: 'uplink_message.f_port',
    counter: 'uplink_message.f_cnt',
    address: 'end_device_ids.dev_addr',
    receptions: [
      {
        list: 'uplink_message.rx_metadata',
        rssi: 'rssi',
        snr: 'snr',
        gateway: ['gateway_ids.eui', 'gateway_ids.gateway_id'],
      },
    ],
    battery: {
      path: 'uplink_message.last_battery_percentage.value',
      time: 'uplink_message.last_battery_percentage.received_at',
    },
    object: ['uplink_message.decoded_payload'],
    normalized: 'uplink_message.normalized_payload',
    omitsZero: true,
  }),
  downlink: writeDownlinks({
    reply: [[/(^|\/)(devices\/[^/]+)\/up$/, '$1$2/down/push']],
    takes: 'frame',
    hasPorts: true,
    tells: true,
    message: (command) => ({
      downlinks: [
        {
          f_port: portOf(command),
          frm_payload: toBase64(command),
          confirmed: command.confirmed,
          priority: 'NORMAL',
          correlation_ids: [`${commandMark}${command.id}`],
        },
      ],
    }),
  }),
} satisfies UplinkFormat
