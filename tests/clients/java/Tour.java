// What a Java program does first, by the generated client. Each step ends the program where it fails.
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.LocalDate;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.EngineeringApi;
import org.openapitools.client.api.EngineeringApi.*;
import org.openapitools.client.api.IntegrationsApi;
import org.openapitools.client.api.IntegrationsApi.*;
import org.openapitools.client.api.MissionsApi;
import org.openapitools.client.api.MissionsApi.*;
import org.openapitools.client.api.ProjectsApi;
import org.openapitools.client.api.ProjectsApi.*;
import org.openapitools.client.model.*;

public class Tour {
  static final String BASE = System.getenv("BASE"), TERRITORY = "ales";

  static ApiClient as(String role) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(BASE);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + System.getenv(role)));
    return client;
  }

  static void must(boolean met, String step) {
    if (!met) throw new IllegalStateException(step);
    System.out.println(step);
  }

  public static void main(String[] words) throws Exception {
    EngineeringApi days = new EngineeringApi(as("LEAD"));
    MissionsApi missions = new MissionsApi(as("LEAD"));

    PageTimeEntry first = days.listTimeEntries(
        APIListTimeEntriesRequest.newBuilder().territory(TERRITORY).limit(2).sort("worked_on").build());
    must(first.getItems().size() == 2, "list");
    PageTimeEntry second = days.listTimeEntries(
        APIListTimeEntriesRequest.newBuilder().territory(TERRITORY).limit(2).sort("worked_on").cursor(first.getNextCursor()).build());
    Set<UUID> ids = new HashSet<>();
    first.getItems().forEach(entry -> ids.add(entry.getId()));
    second.getItems().forEach(entry -> ids.add(entry.getId()));
    must(ids.size() == 4, "next page");

    UUID mission = missions.listMissions(APIListMissionsRequest.newBuilder().territory(TERRITORY).build()).getItems().get(0).getId();
    UUID person = missions.listConsultants(
        APIListConsultantsRequest.newBuilder().territory(TERRITORY).q("ancoris").build()).getItems().get(0).getId();
    TimeEntryCreate day = new TimeEntryCreate().missionId(mission).consultantId(person).activity("analysis")
        .workedOn(LocalDate.of(2023, 8, 3)).days(new BigDecimal("0.5")).status(TimeEntryCreate.StatusEnum.DRAFT);
    var create = APICreateTimeEntryRequest.newBuilder()
        .territory(TERRITORY).timeEntryCreate(day).idempotencyKey("java-" + System.nanoTime()).build();
    var made = days.createTimeEntryWithHttpInfo(create);
    must(made.getStatusCode() == 201 && made.getData().getDays().compareTo(day.getDays()) == 0, "create");
    must(days.createTimeEntryWithHttpInfo(create).getHeaders().containsKey("idempotency-replayed"), "create again");

    var change = APIUpdateTimeEntryRequest.newBuilder().territory(TERRITORY).id(made.getData().getId())
        .timeEntryUpdate(new TimeEntryUpdate().days(new BigDecimal("0.25"))).ifMatch(made.getHeaders().get("etag").get(0)).build();
    must(days.updateTimeEntry(change).getVersion() == 2, "update");
    try {
      days.updateTimeEntry(change);
      must(false, "stale update");
    } catch (ApiException refused) {
      Problem problem = new ApiClient().getObjectMapper().readValue(refused.getResponseBody(), Problem.class);
      must(refused.getCode() == 412 && problem.getType().getValue().equals("/problems/stale-version"), "a problem");
    }

    var totals = APIGetProjectTotalsRequest.newBuilder().territory(TERRITORY).build();
    must(new ProjectsApi(as("AUDITOR")).getProjectTotals(totals).getCostCents() > Integer.MAX_VALUE, "a sum beyond 32 bits");

    HttpRequest table = HttpRequest.newBuilder(URI.create(BASE + "/v1/territories/ales/grants?format=csv"))
        .header("Authorization", "Bearer " + System.getenv("AUDITOR")).build();
    String rows = HttpClient.newHttpClient().send(table, HttpResponse.BodyHandlers.ofString()).body();
    must(rows.lines().findFirst().get().contains("amount_eur"), "export");

    IntegrationsApi feed = new IntegrationsApi(as("AUDITOR"));
    int told = 0;
    for (String after = null; ; ) {
      Feed page = feed.listEvents(APIListEventsRequest.newBuilder().limit(500).after(after).build());
      told += page.getItems().size();
      if (page.getItems().isEmpty()) break;
      after = page.getNextCursor();
    }
    must(told > 1000, "feed");
  }
}
