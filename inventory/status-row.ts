import { models } from '../devices/catalogue.ts'
import type { Installation } from '../domain/asset.ts'
import { attentionRules } from '../domain/attention.ts'
import type { Latest } from '../domain/reading.ts'
import type { AssetTable, StatusTable } from '../store/registry-tables.ts'

/** An asset is silent once nothing was heard for this many expected intervals. */
const silentAfterIntervals = 3

/** For a device whose model is not in the catalogue any more. */
const fallbackIntervalS = 86_400

/** What the state of one asset is made from. Times are UTC epoch milliseconds. */
export type StatusFacts = {
  asset: Pick<
    AssetTable,
    'id' | 'kind' | 'label' | 'service' | 'district' | 'latitude' | 'longitude' | 'search' | 'life_cycle' | 'created_at'
  >
  /** All of them, in the order of their beginnings. */
  installations: readonly Installation[]
  devices: ReadonlyMap<string, { model: string; expected_interval_s: number | null }>
  lastSeenAt: ReadonlyMap<string, number>
  latest: ReadonlyMap<string, readonly Latest[]>
  before: Pick<StatusTable, 'state' | 'since' | 'silent_at' | 'last_seen_at'> | undefined
}

/**
 * The status row of an asset. A device counts for what it said while it was installed here: what it said before, on
 * another asset, says nothing of this one. When no device is there any more, the last ones stand for it.
 */
export function computeStatus(facts: StatusFacts, now: number): StatusTable {
  const { asset, before } = facts
  const begun = facts.installations.filter((each) => each.installedAt <= now)
  const current = begun.filter((each) => each.removedAt === null || each.removedAt > now)
  const watched = (current.length > 0 ? current : begun).map((installation) => {
    const seenAt = seenWhileInstalled(facts, installation)
    return { installation, seenAt, silentAt: silentAt(facts, installation, seenAt) }
  })
  const lastSeenAt = newest(begun.map((each) => seenWhileInstalled(facts, each)))
  const heardLast = watched.reduce<(typeof watched)[number] | undefined>(
    (best, each) => (best === undefined || (each.seenAt ?? 0) >= (best.seenAt ?? 0) ? each : best),
    undefined,
  )
  const readings = current.flatMap((each) => readingsOf(each, facts.latest))
  const attentions = attentionRules.filter((rule) =>
    readings.some((reading) => reading.quantity === rule.quantity && rule.holds(reading.value)),
  )
  const battery = readings
    .filter((reading) => reading.quantity === 'battery_level')
    .reduce<Latest | null>((best, each) => (best === null || each.observedAt >= best.observedAt ? each : best), null)

  const state =
    asset.life_cycle !== 'in_service'
      ? 'out_of_service'
      : lastSeenAt === null
        ? 'never_seen'
        : attentions.length > 0
          ? 'attention'
          : 'working'
  const isWatched = state === 'working' || state === 'attention'
  return {
    asset_id: asset.id,
    kind: asset.kind,
    label: asset.label,
    service: asset.service,
    district: asset.district,
    latitude: asset.latitude,
    longitude: asset.longitude,
    search: asset.search,
    state,
    since: since(state),
    last_seen_at: lastSeenAt,
    // With several devices, one that falls silent is enough: someone has to go and see.
    silent_at: isWatched ? oldest(watchedNow().map((each) => each.silentAt)) : null,
    battery: battery?.value ?? null,
    attentions: JSON.stringify(attentions.map((rule) => rule.code)),
    device_id: heardLast?.installation.deviceId ?? null,
  }

  /** Of devices that are gone only the one heard last says when silence began. */
  function watchedNow() {
    return current.length > 0 ? watched : heardLast === undefined ? [] : [heardLast]
  }

  /** When the state began: it goes on from before, unless there was silence in between. */
  function since(state: StatusTable['state']): number {
    const start = isWatched
      ? (lastSeenAt ?? now)
      : state === 'never_seen'
        ? (oldest(current.map((each) => each.installedAt)) ?? asset.created_at)
        : before === undefined
          ? asset.created_at
          : now
    if (before?.state !== state) return start
    const wasSilent = isWatched && before.silent_at !== null && before.silent_at <= start
    return wasSilent ? start : before.since
  }
}

/** When a device was last heard while it was installed; null when it was not. */
function seenWhileInstalled({ lastSeenAt, before }: StatusFacts, installation: Installation): number | null {
  const { deviceId, installedAt, removedAt } = installation
  const seenAt = lastSeenAt.get(deviceId)
  if (seenAt === undefined || seenAt < installedAt) return null
  if (removedAt === null || seenAt < removedAt) return seenAt
  // A device that was taken away speaks on elsewhere: what was known of this asset stands, else it was heard until it went.
  const known = before?.last_seen_at ?? null
  return known !== null && known >= installedAt && known < removedAt ? known : removedAt
}

function silentAt(facts: StatusFacts, installation: Installation, seenAt: number | null): number {
  const device = facts.devices.get(installation.deviceId)
  const intervalS =
    device?.expected_interval_s ?? models.get(device?.model ?? '')?.expectedIntervalS ?? fallbackIntervalS
  return (seenAt ?? installation.installedAt) + silentAfterIntervals * intervalS * 1000
}

/** The newest readings that a device gave while it was installed. */
function readingsOf(installation: Installation, latest: StatusFacts['latest']): Latest[] {
  const { deviceId, channel, installedAt } = installation
  return (latest.get(deviceId) ?? []).filter(
    (reading) => reading.observedAt >= installedAt && (channel === null || reading.channel === channel),
  )
}

function newest(times: readonly (number | null)[]): number | null {
  return times.reduce((best, time) => (best === null || (time !== null && time > best) ? time : best), null)
}

function oldest(times: readonly number[]): number | null {
  return times.reduce<number | null>((best, time) => (best === null || time < best ? time : best), null)
}
