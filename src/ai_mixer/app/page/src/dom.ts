// Small helpers for elements.

export const $ = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T;
export const button = (id: string) => $<HTMLButtonElement>(id);
export const input = (id: string) => $<HTMLInputElement>(id);

type Attributes = Record<string, string | number | boolean>;

/** An element with attributes and children; text is never read as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  made.append(...children);
  return made;
}

/** Context of a canvas at the resolution of the screen, cleared; sizes in CSS pixels. */
export function draw(canvas: HTMLCanvasElement): { g: CanvasRenderingContext2D; width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = canvas, ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d")!;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width, height };
}

/** Value of a design token. */
export const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function time(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(1).padStart(4, "0")}`;
}

let timer = 0;

/** Show a message for some seconds, or until the next one; an empty one hides it. */
export function showMessage(text: string): void {
  const place = $("message");
  place.textContent = text;
  place.hidden = !text;
  clearTimeout(timer);
  if (text) timer = window.setTimeout(() => showMessage(""), 12_000);
}

/** Run an action of the user; an error is shown as one line. */
export const safely =
  (action: () => unknown | Promise<unknown>) =>
  async (): Promise<void> => {
    try {
      await action();
    } catch (error) {
      showMessage(error instanceof Error ? error.message : String(error));
    }
  };
