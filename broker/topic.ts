/**
 * Whether a topic filter takes a topic (MQTT 3.1.1, 4.7). Wildcards never take a topic that begins with `$`. The level
 * `{name}` of a filter stands for `name`. Asked for every message: it makes no strings.
 */
export function matchesTopic(filter: string, topic: string, name = ''): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  let at = 0
  let topicAt = 0
  for (;;) {
    if (filter.startsWith('#', at)) return true
    const end = levelEnd(filter, at)
    const topicEnd = levelEnd(topic, topicAt)
    const isSame = filter.startsWith(nameLevel, at)
      ? isLevel(name, 0, name.length, topic, topicAt, topicEnd)
      : filter.startsWith('+', at) || isLevel(filter, at, end, topic, topicAt, topicEnd)
    if (!isSame) return false
    if (topicEnd === topic.length) return end === filter.length || (filter.length === end + 2 && filter.endsWith('/#'))
    if (end === filter.length) return false
    at = end + 1
    topicAt = topicEnd + 1
  }
}

const nameLevel = '{name}'

function levelEnd(path: string, at: number): number {
  const end = path.indexOf('/', at)
  return end < 0 ? path.length : end
}

function isLevel(a: string, at: number, end: number, b: string, bAt: number, bEnd: number): boolean {
  if (end - at !== bEnd - bAt) return false
  for (let i = 0; i < end - at; i++) if (a.charCodeAt(at + i) !== b.charCodeAt(bAt + i)) return false
  return true
}

/** Whether every topic that filter `asked` takes is also taken by filter `granted`. */
export function coversFilter(granted: string, asked: string): boolean {
  if (asked.startsWith('$') && !granted.startsWith('$')) return false
  const wide = granted.split('/')
  const narrow = asked.split('/')
  for (const [i, level] of wide.entries()) {
    if (level === '#') return true
    const other = narrow[i]
    if (other === undefined || other === '#') return false
    if (level !== '+' && level !== other) return false
  }
  return wide.length === narrow.length
}
