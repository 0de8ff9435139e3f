"""How does ``run --once`` go, once the connections are underway? All that acting needs is loaded with this module."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from mailrules import engine
from mailrules.cli.plan_view import steps_summary
from mailrules.cli.questions import may_go_on, why_yes_is_needed
from mailrules.logs import prepare

if TYPE_CHECKING:
    from mailrules.cli.invocation import Invocation
    from mailrules.cli.output import Activity
    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan
    from mailrules.session import Scope, Session


async def act_once(
    invocation: Invocation, session: Session, *, scope: Scope, activity: Activity, yes: bool
) -> RunReport:
    """Judge all mail of the scope, ask where that is needed, and act."""

    async def confirm(plan: Plan) -> bool:
        question = f"{steps_summary(plan).capitalize()}. Go on?"
        reason = why_yes_is_needed(plan)
        return await may_go_on(invocation, question, activity=activity, yes=yes, reason=reason)

    gc.freeze()  # what has been loaded is no garbage, and the collector has not looked at any of it so far
    # A run ends in a log line, which should not have to wait for its library.
    preparing = asyncio.ensure_future(asyncio.to_thread(prepare))
    try:
        return await engine.run_once(session, confirm=confirm, scope=scope)
    finally:
        await preparing
