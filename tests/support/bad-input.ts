/** What devices may send and nobody can use: a name, the payload, the reason of its dead letter. */
export const badInputs: readonly (readonly [name: string, payload: string | Buffer, reason: string])[] = [
  ['JSON a million deep', '['.repeat(1_000_000), 'bad_json'],
  ['1e400', '{"readings":{"fill_level":1e400}}', 'bad_value'],
  ['__proto__', '{"readings":{"__proto__":1}}', 'unknown_quantity'],
  [
    '10,000 keys',
    JSON.stringify({ readings: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i])) }),
    'unknown_quantity',
  ],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'bad_json'],
  ['an empty payload', '', 'bad_json'],
  ['a megabyte of junk', Buffer.alloc(1 << 20, 0xa5), 'bad_json'],
  ['an unknown quantity', '{"readings":{"mood":1}}', 'unknown_quantity'],
  ['a value out of range', '{"readings":{"fill_level":101}}', 'out_of_range'],
  ['a clock that is ahead', '{"observedAt":"2100-01-01T00:00:00Z","readings":{"fill_level":1}}', 'clock_future'],
]
