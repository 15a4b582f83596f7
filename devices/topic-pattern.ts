/** What a topic names: the parts of a pattern in braces. */
export type TopicParts = Record<string, string>

/**
 * Compiles a pattern that topics end with: `{device}/emeter/{channel}/power`. A part in braces takes the text of a
 * level or of a part of it, never a `/`, but `{name...}` at the end takes all levels that are left. What stands before
 * the pattern does not count: a prefix that someone chose, or the path of an HTTP push.
 */
export function compileTopic(pattern: string): (topic: string) => TopicParts | null {
  const source = pattern
    .split(/(\{\w+(?:\.\.\.)?\})/)
    .map((part) => {
      const name = /^\{(\w+)(\.\.\.)?\}$/.exec(part)
      if (name === null) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      return `(?<${name[1]}>${name[2] === undefined ? '[^/]+' : '.+'})`
    })
    .join('')
  const expression = new RegExp(`(?:^|/)${source}$`)
  return (topic) => {
    const groups = expression.exec(topic)?.groups
    return groups === undefined ? null : { ...groups }
  }
}
