/* Search from the file system: browsers refuse `new Worker()` under file://. There, this runs a worker's
   script in a hidden frame and passes the messages; anywhere else the browser's own Worker is used. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const scope = this.frame.contentWindow
      scope.postMessage = (data) =>
        setTimeout(() => {
          const event = new MessageEvent("message", { data: structuredClone(data) })
          this.onmessage?.(event)
          this.dispatchEvent(event)
        })
      const script = this.frame.contentDocument.createElement("script")
      script.src = new URL(url, location.href)
      this.ready = new Promise((resolve, reject) => {
        script.onload = resolve
        script.onerror = reject
      })
      this.ready.catch((error) => this.onerror?.(error))
      this.frame.contentDocument.body.append(script)
    }

    postMessage(message) {
      const data = structuredClone(message) // as a worker would receive it
      this.ready.then(
        () => this.frame.contentWindow.onmessage(new MessageEvent("message", { data })),
        () => {}
      )
    }

    terminate() {
      this.frame.remove()
    }
  }
}
