import json, os
from tests.plex_integration.test_webhook_hostile import *
from plex_integration.models import *
def test_parity(world, settings):
    settings.PLEX_RATE_LIMIT=0
    out=[]
    @hypothesis_settings(max_examples=6000, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(BODIES)
    def sent(case):
        n=PlexWebhookLog.objects.order_by("-pk").values_list("pk",flat=True).first() or 0
        r=post(world,*case); world.work()
        rows=[[l.event_type,l.plex_show_key,l.plex_show_guid,l.plex_rating_key,l.plex_title,l.plex_episode_title,l.plex_season,l.plex_episode,l.payload,l.status,l.action_taken,l.reason] for l in PlexWebhookLog.objects.filter(pk__gt=n).order_by("pk")]
        out.append([r.status_code,r.content.decode(),rows])
    sent()
    open(os.environ["PARITY"],"w").write("\n".join(json.dumps(o,sort_keys=True) for o in out))
