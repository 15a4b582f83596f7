import { getPosition } from 'suncalc'

/** Degrees above the horizon from which on the sun gives more light than a lamp. */
export const clearDayDeg = 3

/** How high the sun stands over a place (degrees, WGS 84) at a time (UTC epoch ms), in degrees above the horizon. */
export function sunAltitudeDeg(time: number, latitude: number, longitude: number): number {
  return getPosition(new Date(time), latitude, longitude).altitude
}

/** Whether it is broad daylight at a place at a time; never where the place is not known. */
export function isBroadDaylight(
  time: number,
  { latitude, longitude }: { latitude: number | null; longitude: number | null },
): boolean {
  return latitude !== null && longitude !== null && sunAltitudeDeg(time, latitude, longitude) > clearDayDeg
}
