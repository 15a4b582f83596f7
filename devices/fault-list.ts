import { type Fault, type FaultCode, fault } from '../domain/fault.ts'

/** Most faults that are told of one uplink; the others are counted in a last `more_faults`. */
export const maxFaultsPerUplink = 20

/** The faults found so far in one uplink. However many a payload has, the list stays short. */
export type FaultList = { kept: Fault[]; left: number }

export function newFaultList(): FaultList {
  return { kept: [], left: 0 }
}

/** Adds a fault, or counts it once the list is full. */
export function addFault(list: FaultList, code: FaultCode, params?: Record<string, string | number>): void {
  if (list.kept.length < maxFaultsPerUplink) list.kept.push(fault(code, params))
  else list.left++
}

/** The faults to report. */
export function closeFaults(list: FaultList): Fault[] {
  return list.left === 0 ? list.kept : [...list.kept, fault('more_faults', { count: list.left })]
}
