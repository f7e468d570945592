/*
 * Has a page drawn anew when what it shows has gone on elsewhere. It shows nothing. Shared scripts stand before this file.
 */

const SIGNS_LOOK = 2000; // milliseconds between two questions to the server
const SIGNS_NEAR = 600; // pixels out of sight

class SignsWatch {
  constructor(parent) {
    this.place = parent;
    this.look = this.look.bind(this);
    document.addEventListener("visibilitychange", this.look);
    this.timer = setInterval(this.look, SIGNS_LOOK);
  }

  update({ data, setTriggerValue }) {
    this.data = data;
    this.send = setTriggerValue;
  }

  async look() {
    const { address, signs, near } = this.data;
    if (document.hidden || (near && !this.isNear())) return;
    try {
      const answer = await fetch(serverAddress(address));
      if (!answer.ok) return;
      const told = (await answer.json()).signs;
      // A page that was drawn meanwhile has other signs; one that is being drawn is asked for once more.
      if (told !== signs && signs === this.data.signs) this.send("changed", told);
    } catch {
      // The server cannot be reached; the page says so elsewhere, and the next look may succeed.
    }
  }

  isNear() {
    const { top, bottom } = this.place.getBoundingClientRect();
    return top < innerHeight + SIGNS_NEAR && bottom > -SIGNS_NEAR;
  }

  destroy() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.look);
  }
}

export default mounting({ signs: SignsWatch });
