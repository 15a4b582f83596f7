type Node<Value> = { children: Map<string, Node<Value>> | null; value: Value | undefined }

/**
 * Values by topic name, found by filter; or by topic filter, found by name (MQTT 3.1.1, 4.7). Looking costs by the
 * levels and wildcards that are in play, not by how much the tree holds.
 */
export function createTopicTree<Value>() {
  let root: Node<Value> = { children: null, value: undefined }
  let size = 0

  function find(path: string): Node<Value> | undefined {
    let node: Node<Value> | undefined = root
    for (const level of path.split('/')) node = node?.children?.get(level)
    return node
  }

  function set(path: string, value: Value): void {
    let node = root
    for (const level of path.split('/')) {
      node.children ??= new Map()
      let child = node.children.get(level)
      if (child === undefined) {
        child = { children: null, value: undefined }
        node.children.set(level, child)
      }
      node = child
    }
    if (node.value === undefined) size++
    node.value = value
  }

  function remove(path: string): void {
    const levels = path.split('/')
    const way = [root]
    for (const level of levels) {
      const next = way.at(-1)!.children?.get(level)
      if (next === undefined) return
      way.push(next)
    }
    if (way.at(-1)!.value === undefined) return
    way.at(-1)!.value = undefined
    size--
    // Empty branches go, from the leaf up.
    for (let i = levels.length; i > 0; i--) {
      const { children, value } = way[i]!
      if (children !== null || value !== undefined) return
      const parent = way[i - 1]!
      parent.children!.delete(levels[i - 1]!)
      if (parent.children!.size === 0) parent.children = null
    }
  }

  /** The values whose names a filter takes. */
  function* takenBy(filter: string): Generator<Value> {
    const levels = filter.split('/')
    function* walk(node: Node<Value>, depth: number): Generator<Value> {
      const level = levels[depth]
      if (level === undefined || level === '#') if (node.value !== undefined) yield node.value
      if (level === undefined || node.children === null) return
      for (const [name, child] of level === '#' || level === '+' ? node.children : pick(node.children, level)) {
        // [MQTT-4.7.2-1]: a wildcard does not take the first level of `$...`.
        if (depth === 0 && name.startsWith('$') && level !== name) continue
        yield* walk(child, level === '#' ? depth : depth + 1)
      }
    }
    yield* walk(root, 0)
  }

  /** The values whose filters take a name. */
  function* taking(name: string): Generator<Value> {
    const levels = name.split('/')
    function* walk(node: Node<Value>, depth: number): Generator<Value> {
      const isHidden = depth === 0 && name.startsWith('$')
      const all = isHidden ? undefined : node.children?.get('#')
      if (all?.value !== undefined) yield all.value
      if (depth === levels.length) {
        if (node.value !== undefined) yield node.value
        return
      }
      const one = isHidden ? undefined : node.children?.get('+')
      if (one !== undefined) yield* walk(one, depth + 1)
      const same = node.children?.get(levels[depth]!)
      if (same !== undefined) yield* walk(same, depth + 1)
    }
    yield* walk(root, 0)
  }

  return {
    get: (path: string) => find(path)?.value,
    set,
    remove,
    takenBy,
    taking,
    clear() {
      root = { children: null, value: undefined }
      size = 0
    },
    get size() {
      return size
    },
  }
}

export type TopicTree<Value> = ReturnType<typeof createTopicTree<Value>>

function pick<Value>(children: Map<string, Value>, level: string): [string, Value][] {
  const child = children.get(level)
  return child === undefined ? [] : [[level, child]]
}
