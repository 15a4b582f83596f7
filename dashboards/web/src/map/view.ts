import type { GeoJSONSource, StyleSpecification } from 'maplibre-gl'
import { ApiError, get } from '../api.ts'
import type { Colours } from './drawings.ts'
import { makeGround, outlineDistricts } from './ground.ts'
import { type Bounds, findBounds } from './point.ts'
import type { PointSet } from './points.svelte.ts'
import { openSigns } from './signs.ts'

/** Where a map looks: degrees, and the zoom of web maps. */
export type MapView = { longitude: number; latitude: number; zoom: number }

type Options = {
  set: PointSet
  view: MapView | null
  colours: Colours
  writeCount: (count: number) => string
  texts: { title: string; zoomIn: string; zoomOut: string; attribution: string }
  label: string
  isStill: boolean
  onchoose?: ((id: string | null) => void) | undefined
  onmove?: ((view: MapView, bounds: Bounds) => void) | undefined
}

/** A way over so many zooms is jumped: all that lies between would be drawn for nobody to read. */
const farZooms = 3

/** Pixels between an asset and its name: less than the half of its drawing, so that a pointer reaches one from the other. */
const tipOffset = 16

const closeZoom = 17
const farthestZoom = 16
const usualView: MapView = { longitude: 2.45, latitude: 46.6, zoom: 5 }

/** Opens a map in an element. Throws ApiError where the platform does not answer, else where the browser has no WebGL. */
export async function openMap(container: HTMLElement, options: Options) {
  const { set, colours, isStill } = options
  const [{ MapLibreMap, Marker, NavigationControl, Popup, ScaleControl }, style] = await Promise.all([
    import('./library.ts').catch(() => {
      throw new ApiError(0)
    }),
    chooseStyle(colours),
  ])
  const all = findBounds(set.all())
  const map = new MapLibreMap({
    container,
    style,
    ...toCamera(options.view, all),
    minZoom: 2,
    maxZoom: 20,
    interactive: !isStill,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    // Else each of a glide's frames is in the way of the next click; undefined leaves it to the reader's own wish.
    reduceMotion: isDrawnByProcessor() || undefined,
    renderWorldCopies: false,
    attributionControl: typeof style === 'string' ? { compact: true } : false,
    locale: {
      'Map.Title': options.label,
      'NavigationControl.ZoomIn': options.texts.zoomIn,
      'NavigationControl.ZoomOut': options.texts.zoomOut,
      'AttributionControl.ToggleAttribution': options.texts.attribution,
    },
  })
  map.keyboard.disableRotation()
  map.touchZoomRotate.disableRotation()
  if (!isStill) {
    map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    map.addControl(new ScaleControl({}), 'bottom-right')
  } else map.getCanvas().tabIndex = -1

  const signs = openSigns(map, options)
  let chosen: string | null = null
  let hasFitted = options.view !== null || all !== null
  // Over the map, not in it: who chooses waits for no drawing.
  const ring = document.createElement('div')
  ring.className = 'chosen-ring'
  const mark = new Marker({ element: ring })
  const markChosen = () => {
    const point = chosen === null ? undefined : set.get(chosen)
    if (point === undefined) return mark.remove()
    mark.setLngLat({ lng: point.longitude, lat: point.latitude })
    if (!ring.isConnected) mark.addTo(map)
  }
  const tell = () => {
    // Where a map without assets looks is nobody's wish.
    if (!set.isLoaded) return
    const { lng: longitude, lat: latitude } = map.getCenter()
    const bounds = map.getBounds()
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]
    options.onmove?.({ longitude, latitude, zoom: map.getZoom() }, { west, south, east, north })
  }
  map.on('moveend', tell)

  function follow(isAnew: boolean) {
    signs.refresh()
    markChosen()
    if (!isAnew) return
    const bounds = hasFitted ? null : findBounds(set.all())
    if (bounds !== null) {
      hasFitted = true
      map.fitBounds(toLibrary(bounds), { padding: 50, maxZoom: farthestZoom, animate: false })
    }
    const source = map.getSource<GeoJSONSource>('districts')
    if (source !== undefined) {
      const { outlines, names } = outlineDistricts(set.all())
      void source.setData(outlines)
      signs.name(names)
    }
    tell()
    // For whoever measures how long a reader waits.
    map.once('idle', () => set.isLoaded && performance.mark('map-shown'))
    map.triggerRepaint()
  }
  const stop = set.listen(follow)
  map.on('style.load', () => follow(true))

  if (!isStill) {
    const tip = new Popup({ closeButton: false, closeOnClick: false, offset: tipOffset, className: 'asset-tip' })
    map.on('click', ({ point: place }) => {
      const group = signs.find(place)
      if (group === undefined) return options.onchoose?.(null)
      if (group.count === 1) return options.onchoose?.(group.first)
      const camera = map.cameraForBounds(toLibrary(signs.spread(group)), { padding: 80, maxZoom: closeZoom })
      if (camera !== undefined) map.easeTo({ ...camera, zoom: Math.max(camera.zoom!, map.getZoom() + 1) })
    })
    let pointed: string | null = null
    const leave = () => {
      pointed = null
      map.getCanvas().style.cursor = ''
      tip.remove()
    }
    map.on('mousemove', ({ point: place }) => {
      // A hand that drags the map asks for no name.
      if (map.isMoving()) return
      const group = signs.find(place)
      if (group === undefined) return leave()
      map.getCanvas().style.cursor = 'pointer'
      const id = group.count === 1 ? group.first : null
      // One that was taken away by Escape stays away until the pointer has left.
      if (id === pointed) return
      pointed = id
      const point = id === null ? undefined : set.get(id)
      if (point === undefined) return tip.remove()
      tip.setLngLat({ lng: point.longitude, lat: point.latitude }).setText(point.label).addTo(map)
    })
    // It stays while the pointer is on it, and goes without a move of the pointer too (WCAG 1.4.13).
    const leaveFor = (next: EventTarget | null) => {
      const isNear = next instanceof Node && (map.getCanvas() === next || tip.getElement()?.contains(next))
      if (!isNear) leave()
    }
    map.on('mouseout', ({ originalEvent }) => leaveFor(originalEvent.relatedTarget))
    tip.on('open', () => tip.getElement().addEventListener('mouseleave', (event) => leaveFor(event.relatedTarget)))
    const dismiss = ({ key }: KeyboardEvent) => void (key === 'Escape' && tip.remove())
    document.addEventListener('keydown', dismiss)
    map.on('remove', () => document.removeEventListener('keydown', dismiss))
  }

  return {
    view(): MapView {
      const { lng: longitude, lat: latitude } = map.getCenter()
      return { longitude, latitude, zoom: map.getZoom() }
    },
    choose(id: string | null) {
      chosen = id
      markChosen()
    },
    show(id: string) {
      const point = set.get(id)
      if (point === undefined) return
      hasFitted = true
      const camera = {
        center: { lng: point.longitude, lat: point.latitude },
        zoom: Math.max(map.getZoom(), closeZoom),
      }
      const animate = camera.zoom - map.getZoom() < farZooms
      // What was clicked answers first: its card is seen before the map is drawn.
      requestAnimationFrame(() => setTimeout(() => map.easeTo({ ...camera, animate })))
    },
    close() {
      stop()
      signs.close()
      map.remove()
    },
  }
}

/** Whether WebGL has no graphics card here: then a frame takes longer to draw than it is seen. */
function isDrawnByProcessor(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2')
  const names = context?.getExtension('WEBGL_debug_renderer_info')
  const renderer = String(names && context?.getParameter(names.UNMASKED_RENDERER_WEBGL))
  context?.getExtension('WEBGL_lose_context')?.loseContext()
  // Of Chromium, of Mesa, and of Windows.
  return /swiftshader|llvmpipe|basic render/i.test(renderer)
}

/** The style that the authority set, else the plain ground. */
async function chooseStyle(colours: Colours): Promise<string | StyleSpecification> {
  const { mapStyle } = await get<{ mapStyle: string | null }>('/settings')
  return mapStyle ?? makeGround(colours)
}

function toCamera(view: MapView | null, all: Bounds | null) {
  if (view === null && all !== null)
    return { bounds: toLibrary(all), fitBoundsOptions: { padding: 50, maxZoom: farthestZoom } }
  const { longitude: lng, latitude: lat, zoom } = view ?? usualView
  return { center: { lng, lat }, zoom }
}

function toLibrary({ west, south, east, north }: Bounds): [number, number, number, number] {
  return [west, south, east, north]
}
