/* Puts a button beside each text that is there to be copied; without this file it can be selected by hand. */
"use strict";

(() => {
    const add = (text) => {
        if (text.dataset.ready) {
            return;
        }
        text.dataset.ready = "yes";
        const button = document.createElement("button");
        const said = document.createElement("span");
        button.type = "button";
        button.className = "button plugin-copy";
        button.textContent = text.dataset.copy;
        said.setAttribute("role", "status");
        button.addEventListener("click", async () => {
            text.select();
            try {
                await navigator.clipboard.writeText(text.value);
                said.textContent = ` ${text.dataset.copied}`;
            } catch {
                text.focus(); /* it is selected: the keyboard copies it */
            }
        });
        text.after(button, said);
    };
    const start = () => document.querySelectorAll("textarea[data-copy]").forEach(add);
    document.addEventListener("plugin-page", start);
    start();
})();
