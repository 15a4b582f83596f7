/** How a raw number becomes a value and back. `toRaw` is not rounded. */
export type Scale = { toValue(raw: number): number; toRaw(value: number): number }

/**
 * value = raw * scale + offset. A scale of 0.1 or 0.005 is worked out as a division by a whole number, which gives the
 * decimal that the device means (3 tenths are 0.3, where 3 * 0.1 would be 0.30000000000000004). Adding 0 avoids -0.
 */
export function compileScale(scale = 1, offset = 0): Scale {
  const toRaw = (value: number) => (value - offset) / scale
  const divisor = Math.round(1 / scale)
  if (divisor < 1 || Math.abs(1 / scale - divisor) > divisor * 1e-9)
    return { toValue: (raw) => raw * scale + offset + 0, toRaw }
  const shift = Math.round(offset * divisor)
  if (Math.abs(offset * divisor - shift) > 1e-9) return { toValue: (raw) => raw / divisor + offset + 0, toRaw }
  return { toValue: (raw) => (raw + shift) / divisor + 0, toRaw }
}
