// What says most about an asset, first; what tells only of the device itself never stands for an asset.
const telling: readonly string[] = [
  'fill_level',
  'lamp_state',
  'occupancy',
  'co2',
  'active_power',
  'apparent_power',
  'water_volume',
  'gas_volume',
  'sound_level',
  'people_count',
  'lift_count',
  'pm2_5',
  'temperature',
  'energy_active_import',
]
const ofTheDevice: ReadonlySet<string> = new Set(['battery_level', 'battery_voltage', 'rssi', 'snr', 'frame_counter'])

/** The one reading that a line of a list has room for, or null. */
export function pickKeyReading<Reading extends { quantity: string }>(readings: readonly Reading[]): Reading | null {
  const candidates = readings.filter((reading) => !ofTheDevice.has(reading.quantity))
  for (const quantity of telling) {
    const found = candidates.find((reading) => reading.quantity === quantity)
    if (found !== undefined) return found
  }
  return candidates[0] ?? null
}
