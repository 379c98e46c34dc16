/* Browsers start no workers from files. On file:// the search worker runs in a hidden frame instead. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inner = frame.contentWindow;
      this.waiting = [];
      this.inner.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }));
      this.inner.importScripts = (...urls) => urls.reduce((before, src) => before.then(() => new Promise(done => {
        const script = this.inner.document.createElement("script");
        script.src = new URL(src, url).href;
        script.onload = done;
        this.inner.document.head.appendChild(script);
      })), Promise.resolve());
      const script = this.inner.document.createElement("script");
      script.src = new URL(url, location.href).href;
      script.onload = () => { for (const data of this.waiting.splice(0)) this.send(data); this.ready = true; };
      this.inner.document.head.appendChild(script);
    }
    send(data) { this.inner.dispatchEvent(new MessageEvent("message", { data })); }
    postMessage(data) { if (this.ready) this.send(data); else this.waiting.push(data); }
    terminate() {}
    set onmessage(listener) { this.addEventListener("message", listener); }
  };
}
