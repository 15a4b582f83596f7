import { expect, test } from 'vitest'
import { isChannel, maxChannelLength } from '../../domain/channel.ts'

test('a channel is a short text without control characters', () => {
  for (const text of ['', '1', 'hc', 'Entrée nº 2', '😀'.repeat(maxChannelLength)]) expect(isChannel(text)).toBe(true)
  for (const text of ['x'.repeat(maxChannelLength + 1), 'a\u0000', 'a\n', '\u202e', '\ud800'])
    expect(isChannel(text)).toBe(false)
})
