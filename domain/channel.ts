/** Longest name of a channel, in characters. */
export const maxChannelLength = 64

const channelPattern = /^\P{C}{0,64}$/u

/** Whether a text from outside can be a channel: empty for most devices, never with control characters. */
export function isChannel(text: string): boolean {
  return channelPattern.test(text)
}
