import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * Node's `Buffer` for a sandbox, which has none: the npm package `buffer` and what it needs, as one script. It is put in
 * only where the codec's source names it, as ChirpStack and ThingPark provide it.
 */
export function readBufferPolyfill(): string {
  const modules = [
    ['base64-js', require.resolve('base64-js')],
    ['ieee754', require.resolve('ieee754')],
    ['buffer', require.resolve('buffer/')],
  ] as const
  const definitions = modules.map(
    ([name, file]) =>
      `${JSON.stringify(name)}: function (module, exports, require) {\n${readFileSync(file, 'utf8')}\n}`,
  )
  return `(function (global) {
    var definitions = {${definitions.join(',')}}
    var loaded = {}
    function load(name) {
      if (loaded[name]) return loaded[name].exports
      var module = (loaded[name] = { exports: {} })
      definitions[name](module, module.exports, load)
      return module.exports
    }
    var put = function (name, value) {
      Object.defineProperty(global, name, { value: value, writable: true, configurable: true, enumerable: false })
    }
    put('Buffer', load('buffer').Buffer)
    put('require', function (name) {
      if (name === 'buffer' || name === 'node:buffer') return load('buffer')
      throw new Error('a codec cannot load ' + name)
    })
  })(globalThis)`
}
