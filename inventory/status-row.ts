import { attentionRules } from '../domain/attention.ts'
import { calibrate } from '../domain/calibration.ts'
import type { Installation } from '../domain/installation.ts'
import type { Latest } from '../domain/reading.ts'
import type { AssetTable, StatusTable } from '../store/registry-tables.ts'
import { isBroadDaylight } from './daylight.ts'
import { expectedIntervalS, type IntervalFacts } from './expected-interval.ts'

/** An asset is silent once nothing was heard for this many expected intervals. */
const silentAfterIntervals = 3

/** What the state of one asset is made from. Times are UTC epoch milliseconds. */
export type StatusFacts = {
  asset: Pick<
    AssetTable,
    'id' | 'kind' | 'label' | 'service' | 'district' | 'latitude' | 'longitude' | 'search' | 'life_cycle' | 'created_at'
  >
  /** All of them, in the order of their beginnings. */
  installations: readonly Installation[]
  devices: ReadonlyMap<string, IntervalFacts>
  lastSeenAt: ReadonlyMap<string, number>
  latest: ReadonlyMap<string, readonly Latest[]>
  photoAt: number | null
  before: Pick<StatusTable, 'state' | 'since' | 'silent_at' | 'attention_at' | 'last_seen_at'> | undefined
}

/** A device on the asset: when it was last heard here, and when it counts as silent. */
type Watch = { installation: Installation; seenAt: number | null; silentAt: number }

/**
 * The status row of an asset. A device counts for what it said while it was installed here: what it said before, on
 * another asset, says nothing of this one. When no device is there any more, the one heard last stands for it.
 */
export function computeStatus(facts: StatusFacts, now: number): StatusTable {
  const { asset } = facts
  const watches = facts.installations.filter((each) => each.installedAt <= now).map((each) => watch(facts, each))
  const current = watches.filter(({ installation: { removedAt } }) => removedAt === null || removedAt > now)
  const lastSeenAt = newest(watches.map((each) => each.seenAt))
  const heardLast = findHeardLast(current.length > 0 ? current : watches)
  const readings = current.flatMap((each) => readingsOf(each.installation, facts.latest))
  const attentions = attentionRules.filter((rule) =>
    readings.some(
      ({ quantity, value, observedAt }) =>
        quantity === rule.quantity && rule.holds(value) && (rule.byDay !== true || isBroadDaylight(observedAt, asset)),
    ),
  )
  const state =
    asset.life_cycle !== 'in_service'
      ? 'out_of_service'
      : lastSeenAt === null
        ? 'never_seen'
        : attentions.length > 0
          ? 'attention'
          : 'working'
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
    since: findSince(facts, state, current, lastSeenAt, now),
    last_seen_at: lastSeenAt,
    ...findDeadlines(state, current, heardLast),
    battery: findBattery(readings),
    attentions: JSON.stringify(attentions.map((rule) => rule.code)),
    device_id: heardLast?.installation.deviceId ?? null,
    installation_id: heardLast?.installation.id ?? null,
    life_cycle: asset.life_cycle,
    ...findProof(watches, lastSeenAt, facts.photoAt),
  }
}

/** The newest of what proves that an asset is there: a message, a photo, or a device that was installed on site. */
function findProof(
  watches: readonly Watch[],
  lastSeenAt: number | null,
  photoAt: number | null,
): Pick<StatusTable, 'proof' | 'proof_at'> {
  const proofs: [string, number | null][] = [
    ['message', lastSeenAt],
    ['photo', photoAt],
    ['installation', newest(watches.map((each) => each.installation.installedAt))],
  ]
  const best = proofs.reduce((a, b) => ((b[1] ?? 0) > (a[1] ?? 0) ? b : a))
  return best[1] === null ? { proof: null, proof_at: null } : { proof: best[0], proof_at: best[1] }
}

/** The asset is silent when all that were heard here are; it calls for attention when one of its devices is. */
function findDeadlines(
  state: StatusTable['state'],
  current: readonly Watch[],
  heardLast: Watch | undefined,
): Pick<StatusTable, 'silent_at' | 'attention_at'> {
  if ((state !== 'working' && state !== 'attention') || heardLast === undefined)
    return { silent_at: null, attention_at: null }
  const heard = current.filter((each) => each.seenAt !== null)
  const silentAt = newest((heard.length > 0 ? heard : [heardLast]).map((each) => each.silentAt))!
  const attentionAt = oldest(current.map((each) => each.silentAt))
  return { silent_at: silentAt, attention_at: attentionAt !== null && attentionAt < silentAt ? attentionAt : null }
}

/** When the state began: it goes on from before, unless a deadline had passed in between. */
function findSince(
  { asset, before }: StatusFacts,
  state: StatusTable['state'],
  current: readonly Watch[],
  lastSeenAt: number | null,
  now: number,
): number {
  const isWatched = state === 'working' || state === 'attention'
  const installedAt = oldest(current.map((each) => each.installation.installedAt))
  const start = isWatched
    ? (lastSeenAt ?? now)
    : state === 'never_seen'
      ? (installedAt ?? asset.created_at)
      : before === undefined
        ? asset.created_at
        : now
  if (before?.state !== state) return start
  const isPast = (time: number | null) => time !== null && time <= start
  const wasInterrupted = isPast(before.silent_at) || (state === 'working' && isPast(before.attention_at))
  return isWatched && wasInterrupted ? start : before.since
}

function watch(facts: StatusFacts, installation: Installation): Watch {
  const seenAt = seenWhileInstalled(facts, installation)
  return { installation, seenAt, silentAt: silentAt(facts, installation, seenAt) }
}

function findHeardLast(watches: readonly Watch[]): Watch | undefined {
  return watches.reduce<Watch | undefined>(
    (best, each) => (best === undefined || (each.seenAt ?? 0) >= (best.seenAt ?? 0) ? each : best),
    undefined,
  )
}

function findBattery(readings: readonly Latest[]): number | null {
  const levels = readings.filter((reading) => reading.quantity === 'battery_level')
  const best = levels.reduce<Latest | null>(
    (best, each) => (best === null || each.observedAt >= best.observedAt ? each : best),
    null,
  )
  return best?.value ?? null
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
  return (seenAt ?? installation.installedAt) + silentAfterIntervals * expectedIntervalS(device) * 1000
}

/** The newest readings that a device gave while it was installed. */
function readingsOf(installation: Installation, latest: StatusFacts['latest']): Latest[] {
  const { deviceId, channel, installedAt, calibration } = installation
  return (latest.get(deviceId) ?? [])
    .filter((reading) => reading.observedAt >= installedAt && (channel === null || reading.channel === channel))
    .flatMap((reading) => calibrate(calibration, reading))
}

function newest(times: readonly (number | null)[]): number | null {
  return times.reduce((best, time) => (best === null || (time !== null && time > best) ? time : best), null)
}

function oldest(times: readonly number[]): number | null {
  return times.reduce<number | null>((best, time) => (best === null || time < best ? time : best), null)
}
