/*
 * What stands in a sandbox before a codec's own source: JavaScript for QuickJS, kept as text. It holds no host object.
 * The run function takes its own references to what it uses, so that a codec that replaces `JSON` changes only itself.
 */

/** The name under which the sandbox calls a codec; long enough that no codec has it by chance. */
export const runName = '__parvisRun'

/**
 * `__parvisRun(operation, input)`: finds the function of the codec by its dialect, calls it and answers JSON text.
 *
 * - TS013: `decodeUplink(input)`, `encodeDownlink(input)`, `decodeDownlink(input)`, `normalizeUplink(input)`; global, or on
 *   `exports`, `module.exports` or `driver`, as bundlers publish them
 * - TTN v2: `Decoder(bytes, port)`, `Encoder(data, port)`
 * - ChirpStack v3: `Decode(fPort, bytes, variables)`, `Encode(fPort, data, variables)`
 *
 * The older two answer the data itself, which is wrapped.
 */
export const prelude = `
(function (global) {
  var parse = JSON.parse, stringify = JSON.stringify, Clock = Date, Fault = Error, list = Array.isArray, text = String
  var silent = function () {}
  var console = {}
  ;['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table', 'time', 'timeEnd', 'assert', 'group', 'groupEnd']
    .forEach(function (name) { console[name] = silent })
  var hidden = function (name, value) {
    Object.defineProperty(global, name, { value: value, writable: true, configurable: true, enumerable: false })
  }
  hidden('console', console)
  hidden('module', { exports: {} })
  hidden('exports', global.module.exports)
  hidden('context', [])
  // JSON has no big integers: one is a number where that is exact, its decimal text where it is not.
  Object.defineProperty(BigInt.prototype, 'toJSON', {
    value: function () {
      var number = Number(this)
      return Number.isSafeInteger(number) ? number : this.toString()
    },
    writable: true,
    configurable: true,
  })

  var lookUp = function (name) {
    var places = [global.driver, global.module && global.module.exports, global.exports]
    for (var i = 0; i < places.length; i++) {
      var place = places[i]
      if (!place) continue
      if (typeof place[name] === 'function') return place
      if (place.driver && typeof place.driver[name] === 'function') return place.driver
      if (place.default && typeof place.default[name] === 'function') return place.default
    }
    return null
  }
  // A codec may declare its function with const or let, which no object holds: only a script sees those.
  var own = {
    decodeUplink: function () { return typeof decodeUplink === 'function' ? decodeUplink : null },
    encodeDownlink: function () { return typeof encodeDownlink === 'function' ? encodeDownlink : null },
    decodeDownlink: function () { return typeof decodeDownlink === 'function' ? decodeDownlink : null },
    normalizeUplink: function () { return typeof normalizeUplink === 'function' ? normalizeUplink : null },
    Decoder: function () { return typeof Decoder === 'function' ? Decoder : null },
    Decode: function () { return typeof Decode === 'function' ? Decode : null },
    Encoder: function () { return typeof Encoder === 'function' ? Encoder : null },
    Encode: function () { return typeof Encode === 'function' ? Encode : null },
  }
  var find = function (name) {
    var place = lookUp(name)
    if (place !== null) return function () { return place[name].apply(place, arguments) }
    return own[name]()
  }
  var wrap = function (answer) {
    return answer !== null && typeof answer === 'object' && !list(answer) && ('data' in answer || 'errors' in answer)
      ? answer
      : { data: answer }
  }
  var wrapBytes = function (answer) { return list(answer) ? { bytes: answer } : answer }

  var call = function (operation, input) {
    var f = find(operation)
    if (f) return operation === 'encodeDownlink' && input.bare ? f(input.data) : f(input)
    if (operation === 'decodeUplink') {
      if ((f = find('Decoder'))) return wrap(f(input.bytes, input.fPort))
      if ((f = find('Decode'))) return wrap(f(input.fPort, input.bytes, input.variables))
    } else if (operation === 'encodeDownlink') {
      if ((f = find('Encoder'))) return wrapBytes(f(input.data, input.fPort))
      if ((f = find('Encode'))) return wrapBytes(f(input.fPort, input.data, input.variables))
    }
    throw new Fault('the codec has no function ' + operation)
  }
  var state = null
  hidden('${runName}', function (operation, json) {
    var input = parse(json)
    if (input.context !== undefined) hidden('context', input.context)
    if (typeof input.recvTime === 'number') input.recvTime = new Clock(input.recvTime)
    var answer = call(operation, input)
    if (answer !== null && typeof answer === 'object' && typeof answer.then === 'function') {
      state = { pending: true }
      answer.then(function (value) { state = { value: value } }, function (error) { state = { error: error } })
      return null
    }
    return tell(answer)
  })
  var tell = function (answer) { return stringify({ answer: answer, context: global.context }) }
  hidden('${runName}Settled', function () {
    if (state === null || state.pending) throw new Fault('the answer of the codec never came')
    if ('error' in state) throw state.error
    return tell(state.value)
  })
})(globalThis)
`
