/*
 * The banner of a class: which run the teacher shows to everybody, on whatever page somebody is.
 *
 * It stands above the page's end and moves nothing. Shared scripts stand before this file.
 */

const BROADCAST_LOOK = 2000; // milliseconds between two questions to the server

class BroadcastView {
  constructor(parent) {
    this.words = element("span", { class: "bc-words" });
    this.name = element("strong", { class: "bc-name" });
    this.watch = element("button", { type: "button", class: "bc-watch" }, "Watch");
    this.end = element("button", { type: "button", class: "bc-end" }, "End");
    this.banner = element(
      "aside",
      { class: "bc-banner", role: "status", "data-testid": "broadcast" },
      element("span", {}, this.words, " ", this.name),
      this.watch,
      this.end,
    );
    this.banner.hidden = true;
    parent.append(element("div", { class: "lr-root" }, this.banner));
    this.run = null;
    this.watch.addEventListener("click", () => this.send("watch", this.run.run_id));
    this.end.addEventListener("click", () => this.send("end", true));
    this.look = this.look.bind(this);
    document.addEventListener("visibilitychange", this.look);
    this.timer = setInterval(this.look, BROADCAST_LOOK);
    this.look();
  }

  update({ data, setTriggerValue }) {
    this.isTeacher = data.is_teacher;
    this.send = setTriggerValue;
    this.draw();
    this.look(); // what was pressed has been done by now
  }

  async look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(serverAddress("/api/broadcast"));
      if (!answer.ok) return;
      this.run = (await answer.json()).run;
      this.draw();
    } catch {
      // The server cannot be reached; the page says so elsewhere, and the next look may succeed.
    }
  }

  draw() {
    this.banner.hidden = this.run === null;
    if (this.run === null) return;
    const isSeen =
      new URL(location).searchParams.get("run") === this.run.run_id &&
      location.pathname === new URL(baseAddress()).pathname;
    setText(this.words, this.isTeacher ? "Everybody is shown" : isSeen ? "Watched together:" : "Your teacher shows");
    setText(this.name, this.run.name);
    this.watch.hidden = isSeen;
    this.end.hidden = !this.isTeacher;
  }

  destroy() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.look);
  }
}

export default mounting({ broadcast: BroadcastView });
