import type { Device, DeviceDetail } from '../domain/asset.ts'
import { formatTime } from '../domain/time.ts'
import type { Access } from '../store/access.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import { inParts } from '../store/registry.ts'
import { expectedIntervalS } from './expected-interval.ts'
import { openView } from './view.ts'

/** Devices with what is known of them beside the register: how often they are expected, and when they were heard. */
export async function detailDevices(
  access: Access,
  reader: Pick<IngestReader, 'activityOf'>,
  devices: readonly Device[],
): Promise<DeviceDetail[]> {
  const ids = devices.map((device) => device.id)
  const intervals = await readIntervals(access, ids)
  const heard = new Map(reader.activityOf(ids).map((each) => [each.deviceId, each.lastSeenAt]))
  const view = await openView(access, { deviceIds: ids })
  return devices.map(({ secretSetAt, ...device }) => {
    const known = intervals.get(device.id)
    const lastSeenAt = heard.get(device.id)
    return {
      ...device,
      learnedIntervalS: known?.learned_interval_s ?? null,
      effectiveIntervalS: expectedIntervalS({
        model: device.model,
        expected_interval_s: device.expectedIntervalS,
        learned_interval_s: known?.learned_interval_s ?? null,
        model_interval_s: known?.model_interval_s ?? null,
      }),
      lastSeenAt: lastSeenAt !== undefined && view.seesMessage(device.id, lastSeenAt) ? formatTime(lastSeenAt) : null,
      secretSetAt: secretSetAt === null ? null : formatTime(secretSetAt),
    }
  })
}

async function readIntervals({ registry }: Access, deviceIds: readonly string[]) {
  const found = new Map<string, { learned_interval_s: number | null; model_interval_s: number | null }>()
  for (const part of inParts(deviceIds)) {
    const rows = await registry
      .selectFrom('devices')
      .leftJoin('learned_intervals', 'learned_intervals.device_id', 'devices.id')
      .leftJoin('device_models', 'device_models.id', 'devices.model')
      .select([
        'devices.id',
        'learned_intervals.interval_s as learned_interval_s',
        'device_models.expected_interval_s as model_interval_s',
      ])
      .where('devices.id', 'in', part)
      .execute()
    for (const { id, ...interval } of rows) found.set(id, interval)
  }
  return found
}
