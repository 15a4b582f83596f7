/** The simulated city as data: what planCity() gives, and everything else works from. Times are UTC epoch ms. */

/** What stands there, as the API takes it (POST /assets). */
export type PlannedAsset = {
  id: string
  kind: string
  label: string
  inventoryNumber: string
  latitude: number
  longitude: number
  address: string
  district: string
  commune: string
  service: string
}

/** How a device's surroundings behave: one file each under `behaviour/`. */
export type BehaviourName =
  | 'waste-container'
  | 'refuse-lorry'
  | 'street-light'
  | 'energy-meter'
  | 'linky-meter'
  | 'water-meter'
  | 'classroom'
  | 'parking-bay'
  | 'bench'
  | 'shelter'
  | 'sound-level'
  | 'air-quality'

/** What kind of place it is; rates and hours follow from it. */
export type Site = 'street' | 'avenue' | 'park' | 'market' | 'school' | 'town_hall' | 'pool'

/** What can be wrong with a device. */
export type FaultName =
  | 'silence'
  | 'drift'
  | 'stuck'
  | 'dying_battery'
  | 'wrong_clock'
  | 'duplicates'
  | 'late'
  | 'leak'
  | 'burns_by_day'

/** One fault of one device, from a time on. */
export type PlannedFault = { fault: FaultName; from: number }

/** A device, and what its readings follow from. */
export type PlannedDevice = {
  id: string
  model: string
  label: string
  /** How often it speaks, in milliseconds. */
  intervalMs: number
  behaviour: BehaviourName
  site: Site
  /** Its own chance; `areaSeed` is shared by the devices of a district. */
  seed: number
  areaSeed: number
  faults: readonly PlannedFault[]
  /** What a refuse lorry empties: containers by their RFID tag, which is the lorry's channel for each. */
  serves?: ReadonlyMap<string, PlannedDevice>
}

/** What hangs where since when; without `channel` the whole device. */
export type PlannedInstallation = { deviceId: string; assetId: string; channel?: string; installedAt: number }

export type City = {
  seed: number
  startMs: number
  assets: PlannedAsset[]
  devices: PlannedDevice[]
  installations: PlannedInstallation[]
}

/** When a fault of a device began, or undefined when it has not begun at that time. */
export function faultSince(device: PlannedDevice, fault: FaultName, time: number): number | undefined {
  for (const planned of device.faults) if (planned.fault === fault && planned.from <= time) return planned.from
  return undefined
}
