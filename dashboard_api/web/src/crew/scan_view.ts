/** Reads a pole's label with the camera, from a photo, or as typed; the decoder comes when somebody scans. */

import { html, nothing, type TemplateResult } from "lit-html";
import { ref } from "lit-html/directives/ref.js";
import type { Crew, CrewPart } from "./crew";
import { labelOf } from "./crew_route";
import type { CodeReader } from "./code_reader";
import { reloadIfNew } from "./new_build";

const EVERY_MS = 250;

type Trouble = "" | "crew.scan_denied" | "crew.scan_no_decoder" | "crew.scan_nothing" | "crew.scan_foreign";

export class ScanView implements CrewPart {
  readonly #crew: Crew;
  #reader: CodeReader | null = null;
  #stream: MediaStream | null = null;
  #video: HTMLVideoElement | null = null;
  #timer = 0;
  #opening = 0; // counts how often the view was opened
  #trouble: Trouble = "";
  #isOpen = false;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  /** Open or close the camera with the view. */
  show(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#trouble = "";
    if (isOpen) void this.#start();
    else this.#stop();
  }

  async #start(): Promise<void> {
    const opening = (this.#opening += 1);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (this.#isOpen && opening === this.#opening) this.#stream = stream;
      else for (const track of stream.getTracks()) track.stop(); // the person has left meanwhile
    } catch {
      this.#say("crew.scan_denied");
    }
    if (!this.#isOpen || opening !== this.#opening) return;
    this.#attach(this.#video);
    if ((await this.#decoder()) && this.#stream) this.#look();
  }

  async #decoder(): Promise<CodeReader | null> {
    try {
      this.#reader ??= await (await import("./code_reader")).codeReader();
    } catch {
      this.#say("crew.scan_no_decoder"); // it comes with the next network
      void reloadIfNew();
    }
    return this.#reader;
  }

  #say(trouble: Trouble): void {
    this.#trouble = trouble;
    this.#crew.redraw();
  }

  #stop(): void {
    window.clearTimeout(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  #attach(video: HTMLVideoElement | null): void {
    this.#video = video;
    if (!video || !this.#stream || video.srcObject === this.#stream) return;
    video.srcObject = this.#stream;
    void video.play().catch(() => undefined);
  }

  #look(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#turn(), EVERY_MS);
  }

  async #turn(): Promise<void> {
    if (!this.#isOpen || !this.#reader) return;
    const isReady = this.#video !== null && this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    const texts = isReady && this.#video ? await this.#reader(this.#video).catch(() => []) : [];
    if (!this.#take(texts)) this.#look();
  }

  /** Go to the first label among the codes; false where there is none. */
  #take(texts: readonly string[]): boolean {
    for (const text of texts) {
      const label = labelOf(text);
      if (!label) continue;
      this.#crew.go({ view: "work", fault: "", ...label });
      return true;
    }
    if (texts.length > 0) this.#say("crew.scan_foreign");
    return false;
  }

  async #fromPhoto(input: HTMLInputElement): Promise<void> {
    const [file] = input.files ?? [];
    input.value = "";
    if (!file) return;
    const reader = await this.#decoder();
    if (!reader) return;
    const image = await createImageBitmap(file).catch(() => null);
    const texts = image ? await reader(image).catch(() => []) : [];
    image?.close();
    if (!this.#take(texts) && texts.length === 0) this.#say("crew.scan_nothing");
  }

  template(): TemplateResult {
    const { words } = this.#crew;
    const hasNoCamera = this.#trouble === "crew.scan_denied";
    return html`<section class="scan">
      <h2>${words.say("crew.scan")}</h2>
      ${this.#trouble ? html`<p class="alarm" role="status">${words.say(this.#trouble)}</p>` : nothing}
      <video
        ${ref((element) => {
          this.#attach(element instanceof HTMLVideoElement ? element : null);
        })}
        ?hidden=${hasNoCamera}
        muted
        playsinline
      ></video>
      <p class="hint" ?hidden=${hasNoCamera}>${words.say("crew.scan_hint")}</p>
      <label class="button"
        >${words.say("crew.scan_photo")}<input
          class="unseen"
          type="file"
          accept="image/*"
          name="label"
          @change=${(event: Event) => void this.#fromPhoto(event.target as HTMLInputElement)}
      /></label>
      <form
        class="line"
        @submit=${(event: Event) => {
          event.preventDefault();
          const typed = new FormData(event.target as HTMLFormElement).get("lamp");
          if (typeof typed === "string" && typed.trim()) this.#crew.go({ view: "work", fault: "", lamp: typed.trim() });
        }}
      >
        <input
          name="lamp"
          maxlength="100"
          placeholder=${words.say("crew.scan_typed")}
          aria-label=${words.say("crew.scan_typed")}
        />
        <button type="submit">${words.say("crew.open")}</button>
      </form>
    </section>`;
  }
}
