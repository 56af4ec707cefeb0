// The echo plugin in JavaScript: built with jco and its QuickJS backend.

export const pluginCommon = {
  getManifest() {
    return { pluginName: "echo-quickjs", hooks: ["echo"], routes: [], tasks: [] };
  },
};

export function echo(text) {
  return text;
}
