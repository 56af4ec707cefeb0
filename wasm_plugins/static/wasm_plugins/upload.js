/* Shows how far an upload is; the form works without this file, too. */
"use strict";

(() => {
    const SLOW_MS = 120000;

    const begin = (form) => {
        const input = form.querySelector("input[type=file]");
        const box = form.querySelector(".plugin-progress");
        const bar = box.querySelector("progress");
        const label = box.querySelector("label");
        const said = box.querySelector("[role=status]");
        const button = form.querySelector("input[type=submit]");

        const say = (text) => {
            said.textContent = text;
        };
        const idle = (text) => {
            button.disabled = false;
            bar.hidden = true;
            say(text);
        };

        const show = (answer) => {
            /* A page, for example one that says why the file was refused: it takes the place of this one. */
            const page = new DOMParser().parseFromString(answer, "text/html");
            const found = page.querySelector("#content");
            if (!found) {
                idle(label.dataset.failed);
                return;
            }
            document.title = page.title;
            document.querySelector("#content").replaceWith(found);
            start();
            const target = found.querySelector("#refusal-heading") || found.querySelector(".errornote, h1");
            if (target) {
                target.tabIndex = -1;
                target.focus();
            }
        };

        form.addEventListener("submit", (event) => {
            const file = input.files[0];
            if (!file) {
                return; /* the server says so, as without a script */
            }
            event.preventDefault();
            box.hidden = false;
            bar.hidden = false;
            if (file.size > Number(form.dataset.limitBytes)) {
                idle(label.dataset.large);
                return;
            }
            button.disabled = true;
            label.textContent = file.name;
            say(label.dataset.sending);
            const request = new XMLHttpRequest();
            let slow = 0;
            request.upload.addEventListener("progress", (now) => {
                if (now.lengthComputable) {
                    bar.value = Math.floor((100 * now.loaded) / now.total);
                }
            });
            request.upload.addEventListener("load", () => {
                bar.removeAttribute("value"); /* how long checking takes nobody knows */
                say(label.dataset.checking);
                slow = window.setTimeout(() => say(label.dataset.late), SLOW_MS);
            });
            request.addEventListener("load", () => {
                window.clearTimeout(slow);
                const type = request.getResponseHeader("Content-Type") || "";
                if (request.status === 200 && type.startsWith("application/json")) {
                    window.location.assign(JSON.parse(request.responseText).next);
                } else if (request.responseURL && new URL(request.responseURL).pathname !== window.location.pathname) {
                    window.location.assign(request.responseURL); /* such as the page to log in again */
                } else {
                    show(request.responseText);
                }
            });
            request.addEventListener("error", () => {
                window.clearTimeout(slow);
                idle(label.dataset.failed);
            });
            request.open("POST", window.location.pathname);
            request.setRequestHeader("Accept", "application/json, text/html");
            request.send(new FormData(form));
        });

        for (const name of ["dragover", "dragenter"]) {
            form.addEventListener(name, (event) => {
                event.preventDefault();
                form.classList.add("dragging");
            });
        }
        for (const name of ["dragleave", "drop"]) {
            form.addEventListener(name, () => form.classList.remove("dragging"));
        }
        form.addEventListener("drop", (event) => {
            event.preventDefault();
            if (event.dataTransfer.files.length) {
                input.files = event.dataTransfer.files;
            }
        });
    };

    const start = () => {
        const form = document.querySelector("#upload-form");
        if (form) {
            begin(form);
        }
        document.dispatchEvent(new Event("plugin-page"));
    };
    start();
})();
