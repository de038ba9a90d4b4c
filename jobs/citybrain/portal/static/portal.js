// Uploads in pieces that survive a lost connection, and pages that wait for the server. No library, no outside host.
"use strict";

const csrf = document.querySelector("meta[name=csrf]").content;
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const ask = (method, path, options = {}) =>
  fetch(path, { method, credentials: "same-origin", ...options, headers: { "X-CSRF-Token": csrf, ...options.headers } });

function megabytes(bytes) {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / (1 << 20)).toFixed(1)} MB`;
}

async function sha256(blob) {
  const bytes = await blob.arrayBuffer();
  if (!crypto.subtle) return (await import("./sha256.js")).sha256(new Uint8Array(bytes));  // a page without HTTPS
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, "0")).join("");
}

async function reason(answer) {
  try {
    return (await answer.json()).detail;
  } catch {
    return `服务器回答 ${answer.status}`;
  }
}

class Upload {
  constructor(zone) {
    this.zone = zone;
    this.get = id => document.getElementById(id);
    this.turn = 0;  // counts the files that were chosen or given up: what is done for an earlier one ends
  }

  listen() {
    const drop = this.get("drop");
    this.get("file").addEventListener("change", event => this.take(event.target.files[0]));
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, event => { event.preventDefault(); drop.classList.add("over"); });
    }
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", event => {
      event.preventDefault();
      drop.classList.remove("over");
      this.take(event.dataTransfer.files[0]);
    });
    this.get("pause").addEventListener("click", () => this.pause());
    this.get("cancel").addEventListener("click", () => this.cancel());
    addEventListener("beforeunload", event => { if (this.sending) event.preventDefault(); });
  }

  async take(file) {
    if (!file) return;
    this.say("");
    if (file.size === 0) return this.say("文件是空的，请检查导出是否成功。");
    if (file.size > Number(this.zone.dataset.largest)) return this.say("文件太大，请用文件夹或接口报送。");
    const turn = ++this.turn;
    this.file = file;
    this.sending = true;
    this.paused = false;
    this.get("pause").textContent = "暂停";
    this.get("drop").hidden = true;
    this.get("sending").hidden = false;
    this.get("sending-name").textContent = file.name;
    try {
      const upload = await this.unfinished() || turn === this.turn && await this.begin();
      if (turn === this.turn) await this.send(upload, turn);
    } catch (error) {
      if (turn === this.turn) this.stop(String(error.message || error));
    }
  }

  // An upload that was broken off, wherever that was, and of which the server has nothing but bytes of this file.
  async unfinished() {
    const { table, purpose, receipt } = this.zone.dataset;
    const like = new URLSearchParams({ table, purpose, file: this.file.name, size: this.file.size });
    if (receipt) like.set("receipt", receipt);
    const answer = await ask("GET", `/api/v1/uploads?${like}`);
    if (answer.status === 401) throw new Error("登录已过期，请重新登录后再选这个文件，会从断开的地方接着传。");
    for (const upload of answer.ok ? await answer.json() : []) {
      const offset = await this.agreed(upload.id, 0);
      if (offset !== null) return { ...upload, offset };
    }
    return null;
  }

  // How far the server has what this file holds from ``offset`` on; null where it has anything else.
  async agreed(id, offset) {
    this.get("sending-state").textContent = "正在核对已经传过的部分";
    const file = this.file;
    for (;;) {
      const answer = await ask("GET", `/api/v1/uploads/${id}/sha256?start=${offset}`);
      if (!answer.ok) throw new Error(await reason(answer));
      const piece = await answer.json();
      if (piece.end === offset) return offset;
      if (await sha256(file.slice(offset, piece.end)) !== piece.sha256) return null;
      offset = piece.end;
    }
  }

  async begin() {
    const { table, purpose, receipt } = this.zone.dataset;
    const body = { table, purpose, receipt: receipt || null, file: this.file.name, size: this.file.size };
    const answer = await ask("POST", "/api/v1/uploads", {
      headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await reason(answer));
    return answer.json();
  }

  async send(upload, turn) {
    this.id = upload.id;
    let offset = upload.offset, failures = 0;
    const begun = performance.now(), first = offset;
    while (upload.state === "uploading" && offset < this.file.size) {
      if (turn !== this.turn) return;
      if (this.paused) { await wait(200); continue; }
      this.show(offset, first, begun);
      const answer = await this.piece(upload, offset);
      if (answer && answer.ok) {
        offset = Number(answer.headers.get("Upload-Offset"));
        failures = 0;
      } else if (answer && ![408, 409, 429, 500, 502, 503, 504].includes(answer.status)) {
        throw new Error(await reason(answer));
      } else {
        failures += 1;
        if (failures > 40) throw new Error("网络一直不通。稍后再选一次同一个文件，会从断开的地方接着传。");
        this.get("sending-state").textContent = `网络中断，正在重新连接（第 ${failures} 次）`;
        await wait(Math.min(500 * 2 ** failures, 15000));
        offset = await this.position(offset);
      }
    }
    if (turn !== this.turn) return;
    this.show(this.file.size, first, begun);
    this.sending = false;
    location.assign(`/deliveries/${upload.id}`);
  }

  async piece(upload, offset) {
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
    const body = this.file.slice(offset, offset + upload.chunk);
    try {
      return await ask("PATCH", `/api/v1/uploads/${upload.id}`, { headers, body });
    } catch {
      return null;
    }
  }

  // Where to go on after an answer was lost: behind what arrived, unless another window sent it, of another file.
  async position(offset) {
    let held = offset, agreed = offset;
    try {
      const answer = await ask("HEAD", `/api/v1/uploads/${this.id}`);
      if (answer.ok) held = Number(answer.headers.get("Upload-Offset"));
      const more = held > offset && held < this.file.size;
      agreed = more ? await this.agreed(this.id, offset) : held;
    } catch {
      return offset;
    }
    if (agreed === null) throw new Error("另一个窗口正在上传同名的另一个文件。请等它传完，再选这个文件。");
    return agreed;
  }

  show(offset, first, begun) {
    const total = this.file.size, speed = (offset - first) / ((performance.now() - begun) / 1000);
    this.get("progress").value = offset / total;
    this.get("sending-state").textContent = offset < total ? "正在上传" : "上传完成";
    const left = speed > 0 && offset < total ? `，约剩 ${Math.ceil((total - offset) / speed)} 秒` : "";
    this.get("sending-figures").textContent =
      `${megabytes(offset)} / ${megabytes(total)}（${Math.floor(100 * offset / total)}%）${left}`;
  }

  pause() {
    this.paused = !this.paused;
    this.get("pause").textContent = this.paused ? "继续" : "暂停";
    if (this.paused) this.get("sending-state").textContent = "已暂停";
  }

  async cancel() {
    this.turn += 1;
    if (this.id) await ask("DELETE", `/api/v1/uploads/${this.id}`).catch(() => null);
    this.stop("");
  }

  stop(problem) {
    this.sending = false;
    this.get("sending").hidden = true;
    this.get("drop").hidden = false;
    this.get("file").value = "";
    this.id = null;
    this.say(problem);
  }

  say(problem) {
    const place = this.get("problem");
    place.textContent = problem;
    place.hidden = !problem;
  }
}

// The page of a delivery that is being worked on is shown anew when its state is another.
async function follow(page) {
  const { delivery, state } = page.dataset;
  for (let pause = 400; ; pause = Math.min(pause * 1.3, 3000)) {
    await wait(pause);
    try {
      const answer = await ask("GET", `/api/v1/uploads/${delivery}`);
      if (!answer.ok || (await answer.json()).state !== state) return location.reload();
    } catch {
      // the server is being restarted: ask again
    }
  }
}

const zone = document.getElementById("dropzone");
if (zone) new Upload(zone).listen();
const working = document.getElementById("working");
if (working) follow(working);
