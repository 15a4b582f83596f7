import type { PlannedDevice } from '../plan.ts'

/** What a device needs at every reading and never changes, made once and dropped with the device. */
export function perDevice<T>(make: (device: PlannedDevice) => T): (device: PlannedDevice) => T {
  const made = new WeakMap<PlannedDevice, { it: T }>()
  return (device) => {
    let known = made.get(device)
    if (known === undefined) {
      known = { it: make(device) }
      made.set(device, known)
    }
    return known.it
  }
}
