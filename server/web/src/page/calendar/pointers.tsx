/** The pointers of others over the grid, and one's own for them: drawn on one canvas, no rendering. */

import { type RefObject, useEffect, useRef } from 'react'
import type { Person, Project } from '../../sdk/types'
import { useOpenProjects } from '../workspace'
import { useVisible } from './visible'

const EASE_MS = 40
const FADE_MS = 10_000
/** Beyond that many, names are left out: arrows are drawn all the same. */
const MOST_NAMES = 30

/** A pointer on its way from where it is drawn to where it was last said to be. */
export interface Track {
  x: number
  y: number
  toX: number
  toY: number
  movedAt: number
}

/** One step of `elapsedMs` on its way; whether it has arrived. */
export function approach(track: Track, elapsedMs: number): boolean {
  const share = 1 - Math.exp(-elapsedMs / EASE_MS)
  track.x += (track.toX - track.x) * share
  track.y += (track.toY - track.y) * share
  const isThere = Math.hypot(track.toX - track.x, track.toY - track.y) < 0.0005
  if (isThere) [track.x, track.y] = [track.toX, track.toY]
  return isThere
}

/** The part of the grid that scrolls, or all of it: what pointers are measured by. */
function contentOf(root: HTMLElement): HTMLElement {
  const scrolls = [...root.querySelectorAll<HTMLElement>('div')].find(
    (one) =>
      one.scrollHeight > one.clientHeight + 8 &&
      /auto|scroll/.test(getComputedStyle(one).overflowY) &&
      one.clientHeight > 100,
  )
  return scrolls ?? root
}

/** Show others where the pointer is, as fractions of the content. */
export function usePointer(root: RefObject<HTMLElement | null>): void {
  const projects = useOpenProjects()
  const range = useVisible((visible) => `${visible.kind} ${visible.start}`)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another range has another content
  useEffect(() => {
    const element = root.current
    if (!element) return
    let content: HTMLElement | null = null
    const show = (pointer: { x: number; y: number } | null) => {
      for (const { presence } of projects) presence.show({ pointer })
    }
    const move = ({ clientX, clientY, pointerType }: PointerEvent) => {
      if (pointerType === 'touch') return
      content ??= contentOf(element)
      const box = content.getBoundingClientRect()
      const x = (clientX - box.left) / content.clientWidth
      const y =
        (clientY - box.top + (content === element ? 0 : content.scrollTop)) /
        heightOf(content, element)
      show(x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x: round(x), y: round(y) } : null)
    }
    const leave = () => show(null)
    element.addEventListener('pointermove', move)
    element.addEventListener('pointerleave', leave)
    return () => {
      element.removeEventListener('pointermove', move)
      element.removeEventListener('pointerleave', leave)
    }
  }, [root, projects, range])
}

export function Pointers({ root }: { root: RefObject<HTMLDivElement | null> }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const projects = useOpenProjects()
  useEffect(() => {
    if (!canvas.current || !root.current) return
    return new Layer(canvas.current, root.current, projects).start()
  }, [root, projects])
  return <canvas ref={canvas} className="calendar-pointers" />
}

class Layer {
  readonly #canvas: HTMLCanvasElement
  readonly #root: HTMLElement
  readonly #projects: readonly Project[]
  readonly #tracks = new Map<number, Track>()
  readonly #sprites = new Map<string, HTMLCanvasElement>()
  #people: Person[] = []
  #frame = 0
  #drawnAt = 0

  constructor(canvas: HTMLCanvasElement, root: HTMLElement, projects: readonly Project[]) {
    this.#canvas = canvas
    this.#root = root
    this.#projects = projects
  }

  start(): () => void {
    const ends = this.#projects.map(({ presence }) => presence.subscribe(this.#hear))
    const endRange = useVisible.subscribe(this.#hear)
    const resized = new ResizeObserver(this.#hear)
    resized.observe(this.#root)
    this.#root.addEventListener('scroll', this.#wake, true)
    this.#hear()
    return () => {
      for (const end of ends) end()
      endRange()
      resized.disconnect()
      this.#root.removeEventListener('scroll', this.#wake, true)
      cancelAnimationFrame(this.#frame)
    }
  }

  /** Who points at what is on screen here. */
  #hear = (): void => {
    const { kind, start } = useVisible.getState()
    const people = this.#projects.flatMap(({ presence }) => [
      ...presence.getSnapshot().others.values(),
    ])
    this.#people = people.filter(
      ({ pointer, view }) => pointer && view?.kind === kind && view.start === start,
    )
    const now = performance.now()
    for (const { clientId, pointer } of this.#people) {
      if (!pointer) continue
      const track = this.#tracks.get(clientId)
      if (!track)
        this.#tracks.set(clientId, {
          x: pointer.x,
          y: pointer.y,
          toX: pointer.x,
          toY: pointer.y,
          movedAt: now,
        })
      else if (track.toX !== pointer.x || track.toY !== pointer.y)
        Object.assign(track, { toX: pointer.x, toY: pointer.y, movedAt: now })
    }
    const here = new Set(this.#people.map(({ clientId }) => clientId))
    for (const clientId of this.#tracks.keys())
      if (!here.has(clientId)) this.#tracks.delete(clientId)
    this.#canvas.dataset.names = this.#people.map(({ user }) => user.name).join(',')
    this.#wake()
  }

  #wake = (): void => {
    this.#frame ||= requestAnimationFrame(this.#draw)
  }

  #draw = (now: number): void => {
    this.#frame = 0
    const elapsed = Math.min(100, now - this.#drawnAt)
    this.#drawnAt = now
    const context = this.#fit()
    if (!context) return
    const content = contentOf(this.#root)
    const [box, own] = [content.getBoundingClientRect(), this.#root.getBoundingClientRect()]
    const height = heightOf(content, this.#root)
    const hasNames = this.#people.length <= MOST_NAMES
    let isMoving = false
    for (const person of this.#people) {
      const track = this.#tracks.get(person.clientId)
      if (!track) continue
      if (!approach(track, elapsed)) isMoving = true
      const age = now - track.movedAt
      const y = track.y * height - (content === this.#root ? 0 : content.scrollTop)
      if (age > FADE_MS || y < 0 || y > content.clientHeight) continue
      const sprite = this.#sprite(person, hasNames)
      context.drawImage(
        sprite,
        box.left - own.left + track.x * content.clientWidth,
        box.top - own.top + y,
        sprite.width / devicePixelRatio,
        sprite.height / devicePixelRatio,
      )
    }
    if (isMoving) this.#wake()
    else if (this.#people.length) setTimeout(this.#wake, FADE_MS)
  }

  #fit(): CanvasRenderingContext2D | null {
    const { clientWidth, clientHeight } = this.#root
    const [width, height] = [
      Math.round(clientWidth * devicePixelRatio),
      Math.round(clientHeight * devicePixelRatio),
    ]
    if (this.#canvas.width !== width || this.#canvas.height !== height)
      Object.assign(this.#canvas, { width, height })
    const context = this.#canvas.getContext('2d')
    context?.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
    context?.clearRect(0, 0, clientWidth, clientHeight)
    return context
  }

  /** The arrow and the name of a person, drawn once. */
  #sprite({ user }: Person, hasName: boolean): HTMLCanvasElement {
    const key = `${user.color} ${hasName ? user.name : ''}`
    let sprite = this.#sprites.get(key)
    if (!sprite) {
      sprite = paint(user.color, hasName ? user.name : '')
      this.#sprites.set(key, sprite)
    }
    return sprite
  }
}

function paint(color: string, name: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d')
  if (!context) return canvas
  const font = `500 12px ${getComputedStyle(document.body).fontFamily}`
  context.font = font
  const width = name ? Math.ceil(context.measureText(name).width) + 14 : 0
  Object.assign(canvas, {
    width: (14 + width + 2) * devicePixelRatio,
    height: 40 * devicePixelRatio,
  })
  context.scale(devicePixelRatio, devicePixelRatio)
  context.fillStyle = color
  context.strokeStyle = '#fff'
  context.lineWidth = 1.5
  const arrow = new Path2D('M1 1 L5.5 16.5 L8.6 10.2 L15 8.4 Z')
  context.fill(arrow)
  context.stroke(arrow)
  if (!name) return canvas
  context.beginPath()
  context.roundRect(12, 17, width, 20, 10)
  context.fill()
  context.fillStyle = '#fff'
  context.font = font
  context.textBaseline = 'middle'
  context.fillText(name, 19, 27.5)
  return canvas
}

function heightOf(content: HTMLElement, root: HTMLElement): number {
  return content === root ? content.clientHeight : content.scrollHeight
}

function round(fraction: number): number {
  return Math.round(fraction * 10_000) / 10_000
}
