"""The error tree: one branch per stage that failed, and in each docstring who must act.

PluginError                   has .plugin and .version, either may be None
├── PluginNotFound            no enabled plugin by that name                          caller
│   ├── RouteNotFound         the plugin serves no such path                          caller
│   └── TaskNotFound          the plugin declares no such task                        caller
├── RouteRefused              the request never reached the plugin                    caller
│   ├── MethodNotAllowed      the route does not take this method; .allowed
│   ├── AuthenticationRequired  nobody is logged in and the route wants somebody
│   ├── AccessDenied          whoever is logged in may not call this route
│   ├── CsrfFailed            an unsafe method without a valid CSRF token
│   ├── QueryTooLong          the query string is over the limit
│   ├── BodyNotJson           the body is no JSON object
│   ├── BodyTooLarge          the body is over the limit
│   └── BodyUnreadable        the body did not arrive whole
├── PluginUnavailable         it takes no call just now; .retry_after_s               caller, by waiting
│   ├── PluginAsleep          its circuit breaker is open after repeated failures
│   └── PluginBusy            as many of its calls run already as may at once
├── SafeModeOn                plugins are off altogether                              operator
├── SecondPersonNeeded        whoever uploaded it may not approve it too              operator
├── PluginQuarantined         it ended the processes that looked at it                operator
├── TooManyRuns               as many runs of the plugin wait as may; .limit          caller, later
├── RunSettled                a run stands so that it cannot be changed like that     caller
├── DatabaseLost              the connection ended in the middle of a call            operator
├── SecretUnreadable          a secret is there and no key decrypts it                operator
├── ArtifactError             bytes missing, too large, or not those of the row       operator
├── SignatureRefused          not signed as this project wants it                     operator
├── ManifestError             declaration malformed or over a limit; .field           plugin author
├── CompileError              not a component that this engine accepts                plugin author
├── LinkError                 imports or exports that do not fit the host; .missing   plugin author
│   └── CapabilityDenied      the host has it, this plugin was not granted it         operator
└── CallError                 the export ran and gave no answer; .export
    ├── PluginTrapped         crashed inside wasm; .backtrace                         plugin author
    ├── LimitExceeded         asked for more than one call may use; .limit            author or operator
    ├── DeadlineExceeded      ran past its wall clock; .deadline_ms                   author or operator
    ├── CallStopped           its run was cancelled, or is somebody else's by now     nobody
    ├── AnswerRefused         answered what the host cannot pass on                   plugin author
    └── PluginFailed          answered with WIT ``err``; .detail                      plugin author
        └── HookVetoed        an ``err`` from a hook that plugins may veto            caller

Wrong project settings are system checks first and ``ImproperlyConfigured`` second, never one of these.
"""

from __future__ import annotations

from typing import TypedDict, Unpack


class About(TypedDict, total=False):
    """What every error takes beside its own: which plugin and version it is about, where that is known."""

    plugin: str | None
    version: int | None


class PluginError(Exception):
    """Something about one plugin went wrong; nothing about any other did.

    Attributes:
        plugin: The plugin's name, or ``None`` where no plugin is known yet.
        version: The plugin's version number, or ``None``.
    """

    code = "plugin-error"
    """Stable identifier, the same in JSON answers, command output and records."""

    def __init__(self, message: str, *, plugin: str | None = None, version: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.plugin = plugin
        self.version = version

    def __str__(self) -> str:
        if self.plugin is None:
            return self.message
        name = self.plugin if self.version is None else f"{self.plugin} version {self.version}"
        return f"{name}: {self.message}"

    def about(self, plugin: str, version: int | None = None) -> PluginError:
        """Name the plugin this error is about, unless a lower floor already did, and return the error."""
        if self.plugin is None:
            self.plugin, self.version = plugin, version
        return self


class PluginNotFound(PluginError):
    """No enabled plugin has that name. The caller must act."""

    code = "plugin-not-found"


class RouteNotFound(PluginNotFound):
    """No enabled plugin serves that path. The caller must act."""

    code = "route-not-found"


class TaskNotFound(PluginNotFound):
    """No enabled plugin declares that task. The caller must act."""

    code = "task-not-found"


class RouteRefused(PluginError):
    """The request never reached the plugin. The caller must act."""

    code = "route-refused"


class MethodNotAllowed(RouteRefused):
    """The route does not take this method. The caller must act.

    Attributes:
        allowed: The methods that it takes.
    """

    code = "method-not-allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...], **about: Unpack[About]) -> None:
        super().__init__(message, **about)
        self.allowed = allowed


class AuthenticationRequired(RouteRefused):
    """Nobody is logged in and the route wants somebody. The caller must act."""

    code = "authentication-required"


class AccessDenied(RouteRefused):
    """Whoever is logged in may not call this route. The caller must act."""

    code = "access-denied"


class CsrfFailed(RouteRefused):
    """An unsafe method came without a valid CSRF token, or from another origin. The caller must act."""

    code = "csrf-failed"


class QueryTooLong(RouteRefused):
    """The request's query string is over the limit. The caller must act."""

    code = "query-too-long"


class BodyNotJson(RouteRefused):
    """The request's body is no JSON object. The caller must act."""

    code = "body-not-json"


class BodyTooLarge(RouteRefused):
    """The request's body is over the limit. The caller must act."""

    code = "body-too-large"


class BodyUnreadable(RouteRefused):
    """The request's body did not arrive whole, or says not how long it is. The caller must act."""

    code = "body-unreadable"


class PluginUnavailable(PluginError):
    """The plugin takes no call just now, and was not called. The caller may try again later.

    Attributes:
        retry_after_s: In how many seconds it is worth while, at least 1.
    """

    code = "plugin-unavailable"

    def __init__(self, message: str, *, retry_after_s: int, **about: Unpack[About]) -> None:
        super().__init__(f"{message}; try again in {retry_after_s} s", **about)
        self.retry_after_s = retry_after_s


class PluginAsleep(PluginUnavailable):
    """The version failed too often, so nothing calls it for a while. Its author must act; the caller may wait."""

    code = "plugin-asleep"


class PluginBusy(PluginUnavailable):
    """As many calls of the plugin as may run at once in one process do run. The caller may try again."""

    code = "plugin-busy"


class SafeModeOn(PluginError):
    """Safe mode is on: no plugin is loaded, compiled or called. The operator must act."""

    code = "safe-mode"


class SecondPersonNeeded(PluginError):
    """Whoever uploaded a version may not approve it, give it more, or release it. Another admin must act."""

    code = "second-person-needed"


class PluginQuarantined(PluginError):
    """Processes of this machine ended while they looked at these bytes. The operator must act."""

    code = "plugin-quarantined"


class TooManyRuns(PluginError):
    """As many runs of the plugin's tasks wait for a worker as may. The caller must come back later.

    Attributes:
        limit: How many may wait.
    """

    code = "too-many-runs"

    def __init__(self, *, limit: int, **about: Unpack[About]) -> None:
        super().__init__(
            f"{limit} runs wait already, which is the limit WASM_PLUGINS_PENDING_RUNS: try again later", **about
        )
        self.limit = limit


class RunSettled(PluginError):
    """A run cannot be cancelled, or asked for again, as it stands now. The caller must look at it again."""

    code = "run-settled"


class DatabaseLost(PluginError):
    """The project's database went away during a request; nothing is half written. The operator must act.

    Where it went away while the transaction was committed, nobody knows whether that was done.
    """

    code = "database-lost"


class SecretUnreadable(PluginError):
    """A secret is recorded and none of the project's keys decrypts it. The operator must act."""

    code = "secret-unreadable"


class ArtifactError(PluginError):
    """The bytes in storage are missing, unreadable, too large, or not those of the row. The operator must act."""

    code = "artifact-error"


class SignatureRefused(PluginError):
    """A signature is missing, broken, or made with a key that this project does not trust. The operator must act."""

    code = "signature-refused"


class ManifestError(PluginError):
    """What the plugin declares is malformed or over a limit. The plugin's author must act.

    Attributes:
        field: The field at fault, for example ``routes[2].path``.
    """

    code = "manifest-error"

    def __init__(self, message: str, *, field: str, **about: Unpack[About]) -> None:
        super().__init__(f"{field}: {message}", **about)
        self.field = field


class CompileError(PluginError):
    """The bytes are no component that this engine accepts. The plugin's author must act."""

    code = "compile-error"


class LinkError(PluginError):
    """Imports or exports do not fit the host. The plugin's author must act.

    Attributes:
        missing: The import or export at fault, as WIT spells it.
    """

    code = "link-error"

    def __init__(self, message: str, *, missing: str, **about: Unpack[About]) -> None:
        super().__init__(message, **about)
        self.missing = missing


class CapabilityDenied(LinkError):
    """The host offers this import, but nobody granted it to the plugin. The operator must act."""

    code = "capability-denied"


class CallError(PluginError):
    """An export ran and gave no answer.

    Attributes:
        export: The export that was called, as WIT spells it.
    """

    code = "call-error"

    def __init__(self, message: str, *, export: str, **about: Unpack[About]) -> None:
        super().__init__(message, **about)
        self.export = export


class PluginTrapped(CallError):
    """The plugin crashed inside wasm. Its author must act.

    Attributes:
        backtrace: The wasm backtrace, at most a few kilobytes, or an empty text.
    """

    code = "plugin-trapped"

    def __init__(self, message: str, *, export: str, backtrace: str = "", **about: Unpack[About]) -> None:
        super().__init__(message, export=export, **about)
        self.backtrace = backtrace


class LimitExceeded(CallError):
    """The call asked for more than one call may use. The author, or the operator who sets limits, must act.

    Attributes:
        limit: The name of the limit, for example ``memory_bytes``.
    """

    code = "limit-exceeded"

    def __init__(self, message: str, *, export: str, limit: str, **about: Unpack[About]) -> None:
        super().__init__(message, export=export, **about)
        self.limit = limit


class DeadlineExceeded(CallError):
    """The call ran past its wall clock. The author, or the operator who sets limits, must act.

    Attributes:
        deadline_ms: The budget that was spent, in milliseconds.
    """

    code = "deadline-exceeded"

    def __init__(self, *, export: str, deadline_ms: int, **about: Unpack[About]) -> None:
        super().__init__(f"{export} did not answer within {deadline_ms} ms", export=export, **about)
        self.deadline_ms = deadline_ms


class CallStopped(CallError):
    """The call was stopped before it answered: its run was cancelled, or somebody else's by then. Nobody must act."""

    code = "call-stopped"

    def __init__(self, *, export: str, **about: Unpack[About]) -> None:
        super().__init__(f"{export} was stopped: nobody waits for its answer any more", export=export, **about)


class AnswerRefused(CallError):
    """The plugin answered what the host cannot pass on, such as an HTTP status of 42. Its author must act."""

    code = "answer-refused"


class PluginFailed(CallError):
    """The plugin answered with WIT ``err``: it ran well and says no. What that means is the caller's to decide.

    Attributes:
        detail: What the plugin sent with its ``err``: text nearly always, never to be trusted.
    """

    code = "plugin-failed"

    def __init__(self, detail: object, *, export: str, **about: Unpack[About]) -> None:
        super().__init__(f"{export} answered err: {detail}", export=export, **about)
        self.detail = detail


class HookVetoed(PluginFailed):
    """A plugin answered ``err`` to a hook whose mode is ``veto``. The caller must not go on."""

    code = "hook-vetoed"
