import chirpstackV3Format from './formats/chirpstack-v3/format.ts'
import chirpstackV4Format from './formats/chirpstack-v4/format.ts'
import genericJsonFormat from './formats/generic-json/format.ts'
import heliumFormat from './formats/helium/format.ts'
import kerlinkFormat from './formats/kerlink/format.ts'
import liveObjectsFormat from './formats/live-objects/format.ts'
import senmlFormat from './formats/senml/format.ts'
import shellyFormat from './formats/shelly/format.ts'
import sigfoxFormat from './formats/sigfox/format.ts'
import tasmotaFormat from './formats/tasmota/format.ts'
import tasmotaTeleinfoFormat from './formats/tasmota-teleinfo/format.ts'
import teleinfo2mqttFormat from './formats/teleinfo2mqtt/format.ts'
import theThingsStackV3Format from './formats/the-things-stack-v3/format.ts'
import thingparkFormat from './formats/thingpark/format.ts'
import wmbusmetersFormat from './formats/wmbusmeters/format.ts'
import zigbee2mqttFormat from './formats/zigbee2mqtt/format.ts'
import type { DeviceModel, UplinkFormat } from './model.ts'
import genericJson from './models/generic-json/model.ts'
import linkyTic from './models/linky-tic/model.ts'
import parvisAir610 from './models/parvis-air-610/model.ts'
import parvisBay700 from './models/parvis-bay-700/model.ts'
import parvisBench800 from './models/parvis-bench-800/model.ts'
import parvisFill100 from './models/parvis-fill-100/model.ts'
import parvisGas510 from './models/parvis-gas-510/model.ts'
import parvisLift200 from './models/parvis-lift-200/model.ts'
import parvisLight300 from './models/parvis-light-300/model.ts'
import parvisMeter400 from './models/parvis-meter-400/model.ts'
import parvisRoom600 from './models/parvis-room-600/model.ts'
import parvisSound900 from './models/parvis-sound-900/model.ts'
import parvisWater500 from './models/parvis-water-500/model.ts'

/** Every device model, by id. Adding one is a folder under `models/`, its import and a line here. */
export const models: ReadonlyMap<string, DeviceModel> = byId<DeviceModel>([
  genericJson,
  linkyTic,
  parvisAir610,
  parvisBay700,
  parvisBench800,
  parvisFill100,
  parvisGas510,
  parvisLift200,
  parvisLight300,
  parvisMeter400,
  parvisRoom600,
  parvisSound900,
  parvisWater500,
])

/** Every uplink format of an integration, by id. Adding one is a folder under `formats/`, its import and a line here. */
export const formats: ReadonlyMap<string, UplinkFormat> = byId<UplinkFormat>([
  chirpstackV3Format,
  chirpstackV4Format,
  genericJsonFormat,
  heliumFormat,
  kerlinkFormat,
  liveObjectsFormat,
  senmlFormat,
  shellyFormat,
  sigfoxFormat,
  tasmotaFormat,
  tasmotaTeleinfoFormat,
  teleinfo2mqttFormat,
  theThingsStackV3Format,
  thingparkFormat,
  wmbusmetersFormat,
  zigbee2mqttFormat,
])

function byId<T extends { id: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [each.id, each]))
}
